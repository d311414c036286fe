"""Names of people and rooms: what is accepted, and which two of them are one."""

import sys
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chat.core import names, validation
from chat.core.errors import ChatError

awkward = st.sampled_from("aA ν\u200d\u200c\ufe0f☀👩💻\u0301\u0345ß\u00a0\t\n")
any_text = st.text(st.characters(exclude_categories=[]) | awkward)
lines = [(validation.clean_name, 32), (validation.clean_room_name, 60), (validation.clean_topic, 200)]


def refusal_of(clean, raw) -> ChatError:
    with pytest.raises(ChatError) as refusal:
        clean(raw)
    return refusal.value


# Cleaning


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("carol", "carol"),
        ("  carol \r\n", "carol"),
        ("Carol  van\u00a0\u2003Dyk", "Carol van Dyk"),
        ("Zoe\u0308", "Zoë"),
        ("x" * 32, "x" * 32),
        ("e\u0301" * 32, "é" * 32),
        ("<script>", "<script>"),
        ("נועה", "נועה"),
        ("山田", "山田"),
        ("❤\ufe0f", "❤\ufe0f"),
        ("👩\u200d💻", "👩\u200d💻"),
        ("👩🏽\u200d💻", "👩🏽\u200d💻"),
        ("نیک\u200cنام", "نیک\u200cنام"),
        ("क्\u200dष", "क्\u200dष"),
        ("z" + "\u0316" * 40 + "o", "z" + "\u0316" * 8 + "o"),
    ],
)
def test_a_name_is_normalised_and_otherwise_left_as_typed(raw, name):
    assert validation.clean_name(raw) == name


@pytest.mark.parametrize(
    "raw", ["", " ", "\u00a0\u3000", "\r\n", "\u3164", "\u2800", "\u200b", "\u115f\u1160", "\ufffc", "\U0001d159", None]
)
def test_a_blank_name_is_refused(raw):
    for clean in (validation.clean_name, validation.clean_room_name):
        error = refusal_of(clean, raw)
        assert (error.code, error.field) == ("invalid", "name")


@pytest.mark.parametrize(
    "unseen",
    list("\0\x01\t\n\r\x1b\x7f\x85\xad\u061c\u034f\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u2060\u2064\ufeff")
    + list("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufe0f\u180e\u3164\u2800\ufff9\uffff\ud800")
    + list("\U000e0061\U000e0100\U0001d173\ufffc\U0001d159\U00016fe4\U00013441\U0001da9b\ue000\U0010fffd"),
)
@pytest.mark.parametrize(("clean", "field"), [(clean, clean.__name__.split("_")[-1]) for clean, _ in lines])
def test_control_bidi_control_and_other_invisible_characters_are_refused(clean, field, unseen):
    assert clean("carol") == "carol"
    error = refusal_of(clean, f"ca{unseen}rol")
    assert (error.code, error.field) == ("invalid", field)


@pytest.mark.parametrize(
    "raw", ["☀\u200d", "☀\u200d x", "☀\ufe0f\ufe0f", "\u200d☀", "^\u200dx", "\u200cنام", "1\ufe0f"]
)
def test_a_joiner_that_joins_nothing_is_refused(raw):
    assert refusal_of(validation.clean_name, raw).code == "invalid"


@pytest.mark.parametrize(("clean", "longest"), lines)
def test_a_line_has_a_greatest_length_counted_after_trimming(clean, longest):
    assert len(clean("  " + "x" * longest + "  ")) == longest
    for length in (longest + 1, 100 * longest):
        error = refusal_of(clean, "x" * length)
        assert (error.code, error.status) == ("too_long", 413)
        assert str(longest) in str(error)


def test_a_topic_may_be_empty_or_absent_but_has_one_line():
    assert validation.clean_topic("") == validation.clean_topic(" \n") == validation.clean_topic(None) == ""
    assert refusal_of(validation.clean_topic, "one\ntwo").field == "topic"


@pytest.mark.parametrize("raw", [5, True, b"carol", ["carol"], {"name": "carol"}])
def test_what_is_no_text_is_invalid(raw):
    for clean, _ in lines:
        assert refusal_of(clean, raw).code == "invalid"


@settings(deadline=None)
@given(any_text)
def test_cleaning_a_clean_line_changes_nothing(raw):
    for clean, longest in lines:
        try:
            cleaned = clean(raw)
        except ChatError:
            continue
        assert clean(cleaned) == cleaned
        assert len(cleaned) <= longest
        assert cleaned == unicodedata.normalize("NFC", cleaned).strip()
        assert "  " not in cleaned


# Comparing


@pytest.mark.parametrize(
    ("name", "others"),
    [
        ("carol", ["Carol", "CAROL", "ｃａｒｏｌ", "𝓬𝓪𝓻𝓸𝓵", "ⓒⓐⓡⓞⓛ", "ᴄᴀʀᴏʟ"]),
        ("carol", ["саrоl", "Сarol", "СARОL", "ϲarol", "Ϲarol", "cаrol"]),
        ("alice", ["Αlice", "аlісе", "alıce", "ɑlice", "Ꭺlice", "ALΙCE", "αlice"]),
        ("bob", ["ВОВ", "Βοβ", "bоb", "bօb", "bοb", "BOB"]),
        ("dave", ["daνe", "DАVЕ", "ԁave", "Daѵe"]),
        ("hal", ["Ηal", "Нal", "һal", "հal", "HΑL"]),
        ("Nick", ["Νick", "niсk", "NΙCK"]),
        ("Mary", ["Μary", "Маry", "MARΥ", "mаrу"]),
        ("Zoë", ["zoe\u0308", "ZOË", "zоё"]),
        ("Strasse", ["Straße", "STRASSE", "STRAẞE"]),
        ("Νίκος", ["νίκος", "ΝΊΚΟΣ", "Νι\u0301κος"]),
        ("Анна", ["анна", "АННА"]),
        ("❤\ufe0f x", ["❤ x", "❤ X"]),
        ("نیک\u200cنام", ["نیکنام"]),
        ("fi", ["ﬁ"]),
        ("carol", ["caro\ufffcl", "\U0001d159carol", "ca\u2060rol", "caro\u034fl"]),
        ("alice", ["ali\u0307ce", "AL\u0130CE", "al\ua4f2ce"]),
        ("NIKO", ["ΝΙΚΟ", "niko"]),
        ("NΣ", ["ΝΣ"]),
        ("Гена", ["Γена", "ГЕНА"]),
        ("Галя", ["галя"]),
        ("ロビー", ["口ビー"]),
        ("øre", ["o\u0338re", "o\u0338\u0338re"]),
        ("Đan", ["Ðan", "Ɖan"]),
    ],
)
def test_names_that_differ_by_case_unicode_form_or_look_are_one(name, others):
    for other in others:
        assert names.name_key(other) == names.name_key(name), other


@pytest.mark.parametrize(
    ("one", "two"),
    [("carol", "carola"), ("carol", "caro1"), ("Ian", "Lan"), ("Zoe", "Zoë"), ("bob", "b0b"), ("a b", "ab")]
    + [("Анна", "Яна"), ("νίκος", "νίκη"), ("山田", "山本"), ("hal", "nal"), ("nick", "vick"), ("☀", "☁")],
)
def test_other_names_are_others(one, two):
    assert names.name_key(one) != names.name_key(two)


@settings(deadline=None)
@given(st.text(st.characters(max_codepoint=126, min_codepoint=32), max_size=32))
def test_ascii_names_compare_by_case_alone(name):
    assert names.name_key(name) == name.lower()


@settings(deadline=None)
@given(any_text)
@example("а\u0301")
@example("ﷺ" * 32)
@example("\u0345\u0301")
def test_the_key_of_a_key_is_itself(name):
    key = names.name_key(name)
    assert names.name_key(key) == key
    assert len(key) <= names.NAME_KEY_MAX


def test_the_key_of_every_single_character_is_stable():
    changed = []
    for code in range(sys.maxunicode + 1):
        for key_of in (names.name_key, names.drawn_key):
            key = key_of(chr(code))
            if key_of(key) != key:
                changed.append(f"{key_of.__name__} of U+{code:04X}")
    assert not changed


def test_every_name_that_is_accepted_has_a_key():
    for name in ["!", "☀\ufe0f", "́", "´", "ﷺ", "\U0001fae0"]:
        assert names.name_key(validation.clean_name(name)).strip()
        assert names.drawn_key(validation.clean_name(name)).strip()


# Comparing by what is drawn


@pytest.mark.parametrize(
    ("name", "others"),
    [
        ("Paul", ["PauI", "Pau1", "Pau|", "РаuІ", "Рaul", "PauΙ", "Ｐａｕ１", "𝐏𝐚𝐮𝐈", "PauⅠ", "Pau∣"]),
        ("Paul", ["Pau\u04c0", "Pau\u2d4f", "Pau\ua4f2", "Pau\u0661", "Pau\u06f1", "\ua4d1auI", "Pau\ufffcI"]),
        ("alice", ["aIice", "a1ice", "аIісе", "alıce", "ɑIice"]),
        ("Carol", ["CaroI", "СaroI", "ᏟaroI", "\ua4daaroI", "ϹaroI"]),
        ("carol", ["caroI", "саrоI", "\uabafaroI"]),
        ("Bill", ["Bi11", "BiII", "Bil1", "Bi\u01c1"]),
        ("mike", ["rnike", "r\u2060nike", "rnіke"]),
        ("BOB", ["B0B", "В0В", "B\u07c0B", "ΒΟΒ"]),
        ("lan", ["Ian", "1an"]),
        ("Zoë I", ["Zoe\u0308 l", "Zoё 1"]),
        ("O'Neil", ["0`NeiI", "O’Neіl"]),
        ("Анна I", ["Анна l"]),
    ],
)
def test_names_that_are_drawn_alike_are_one(name, others):
    for other in others:
        assert names.drawn_key(other) == names.drawn_key(name), other


@pytest.mark.parametrize(
    ("one", "two"),
    [("Ian", "Lan"), ("Ali", "All"), ("ALI", "All"), ("ALI", "ALL"), ("ian", "lan"), ("Bob", "B0b"), ("Bill", "Bi l")]
    + [("carol", "Caro1"), ("Mike", "Rnike"), ("Zoe I", "Zoë l"), ("Анна", "Яна")]
    + [("user 2", "user Z"), ("user 5", "user S"), ("hal", "hai"), ("Ivan", "Iwan"), ("vv", "w"), ("clara", "dara")],
)
def test_names_that_are_not_drawn_alike_are_others(one, two):
    assert names.drawn_key(one) != names.drawn_key(two)
    assert names.name_key(one) != names.name_key(two)


@settings(deadline=None)
@given(st.text(st.characters(max_codepoint=126, min_codepoint=32), max_size=32))
def test_ascii_names_are_drawn_alike_by_what_unicode_says_of_ascii(name):
    drawn = name.translate(str.maketrans({"I": "l", "1": "l", "|": "l", "0": "O", "`": "'", '"': "''"}))
    assert names.drawn_key(name) == drawn.replace("rn", "m")


@settings(deadline=None)
@given(any_text | st.text("rnmIl10O|ij\u0131\u0307\u0301\u0327\u017f\u00df\u0130\ua4f2\u03f9\ufb01"))
@example("\u0430\u0301I")
@example("\ufdfa" * 32)
@example("rr\u200bnn")
@example("rn\u0303")
@example("\u1e9b")
def test_the_drawn_key_of_a_drawn_key_is_itself(name):
    key = names.drawn_key(name)
    assert names.drawn_key(key) == key
    assert len(key) <= names.NAME_KEY_MAX
    for form in ("NFC", "NFD"):
        assert names.drawn_key(unicodedata.normalize(form, name)) == key


# Initials


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("carol", "c"),
        ("Carol", "C"),
        ("e\u0301\u0327a", "e\u0301\u0327"),
        ("👩🏽\u200d💻 x", "👩🏽\u200d💻"),
        ("❤\ufe0fx", "❤\ufe0f"),
        ("🇩🇪🇫🇷", "🇩🇪"),
        ("🇩x", "🇩"),
        ("नि", "नि"),
        ("山田", "山"),
        ("<b>", "<"),
        ("", ""),
    ],
)
def test_the_initial_is_the_first_character_that_a_reader_sees(name, first):
    assert names.initial(name) == first


# Slugs


@pytest.mark.parametrize("slug", ["lobby", "a", "0", "a-b-2", "newer", "x" * 40])
def test_a_slug_of_small_letters_digits_and_hyphens_is_accepted(slug):
    assert validation.clean_slug(slug) == validation.clean_slug(f" {slug} ") == slug


@pytest.mark.parametrize(
    "slug",
    ["", " ", "new", "Lobby", "a b", "a_b", "a\nb", "a\0", "é", "ａ", "٣", "<b>", None, 5]
    + ["a/b", "../etc/passwd", "..", ".", "/", "\\", "%2e"],
)
def test_any_other_slug_is_invalid(slug):
    error = refusal_of(validation.clean_slug, slug)
    assert (error.code, error.field) == ("invalid", "slug")


def test_a_slug_of_41_is_too_long():
    assert refusal_of(validation.clean_slug, "x" * 41).code == "too_long"


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("The Lobby", "the-lobby"),
        ("  Café -- Zürich! ", "cafe-zurich"),
        ("Łódź & Ærø", "lodz-aero"),
        ("Straße", "strasse"),
        ("Don't", "dont"),
        ("../../etc", "etc"),
        ("новая", "room"),
        ("☀", "room"),
        ("", "room"),
        ("New", "new-room"),
        ("x" * 39 + " y", "x" * 39),
    ],
)
def test_a_slug_is_made_from_a_rooms_name(name, slug):
    assert names.slug_from(name) == slug


@settings(deadline=None)
@given(any_text)
def test_a_slug_that_was_made_is_accepted(name):
    slug = names.slug_from(name)
    assert validation.clean_slug(slug) == slug
