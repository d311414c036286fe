/* Readers of event streams: one process, one epoll, every delivery checked and timed as it comes.
 *
 *   readers HOST PORT REQUESTS [SOURCE]
 *
 * opens one stream with each request of the file (from the address SOURCE), PACE of them at once at most, and says
 *
 *   open COUNT SECONDS                 when every reader has its first frame
 *
 * Then it reads, and obeys these lines:
 *
 *   heard COUNT SECONDS                answers `heard LEAST MOST`, what the readers have that heard least and most: as
 *                                      soon as each has COUNT messages, or after so long
 *   post NUMBER NANOSECONDS               a message that was posted, and when that began
 *   report PATH                        answers with a line of JSON: faults, and delays of the messages posted so far;
 *                                      each message's data, as the readers got it, goes into the file
 *   forget                             forget which messages were posted, so that the next report is about others
 *
 * A message is a frame with `event: message`, its key the number in `data: {"id":NUMBER`. All readers must hear the
 * same messages in the same order, as the same bytes; whatever is else is a fault.
 */

#include "load.h"

#define KEY "{\"id\":"
enum { PACE = 256, RECEIVED = 1 << 18, EVENTS = 512, SAID = 200, SIGNIFICANT = 1000 };
#define OPENING_SECONDS 30u /* without any progress */

/* A message as the first reader got it; `at_us` holds when each reader did, since the start. */
struct message {
    uint64_t key;
    uint64_t posted_ns;
    struct bytes frame;
    uint32_t *at_us;
};

struct reader {
    int fd;
    unsigned number;
    unsigned heard; /* messages */
    enum { DIALLING, ASKED, STREAMING } state;
    int is_open;          /* it has had its first frame */
    int is_chunked;
    long chunk_left;      /* of the current chunk; 0: at its line of length, below: its line end is still to come */
    struct bytes rest;    /* of a head or a frame that has not come wholly */
    struct bytes line;    /* of a chunk's length */
};

static struct reader *readers;
static struct bytes *requests;
static size_t reader_count, dialled, opened;
static struct message *messages;
static size_t message_count, message_room, posted_count;
static unsigned long long deliveries, faults;
static char first_fault[SAID];
static uint64_t start_ns, moment_ns;
static int poll_fd;
static struct sockaddr_in server, source;
static int has_source;

static size_t wanted;      /* messages that `heard` waits for */
static uint64_t wanted_until_ns;

static void __attribute__((format(printf, 1, 2))) fault(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (!faults++)
        vsnprintf(first_fault, sizeof first_fault, format, arguments);
    va_end(arguments);
}

static void append(struct bytes *to, const char *more, size_t length)
{
    to->at = memory(to->at, to->length + length + 1);
    memcpy(to->at + to->length, more, length);
    to->length += length;
    to->at[to->length] = 0;
}

static void clear(struct bytes *of)
{
    free(of->at);
    of->at = NULL;
    of->length = 0;
}

static int is_same(const struct bytes *kept, const char *frame, size_t length)
{
    return kept->length == length && memcmp(kept->at, frame, length) == 0;
}

static void add_message(uint64_t key, const char *frame, size_t length)
{
    if (message_count == message_room) {
        message_room = message_room ? 2 * message_room : 1024;
        messages = memory(messages, message_room * sizeof *messages);
    }
    struct message *message = messages + message_count++;
    memset(message, 0, sizeof *message);
    message->key = key;
    append(&message->frame, frame, length);
    message->at_us = memory(NULL, reader_count * sizeof *message->at_us);
    memset(message->at_us, 0, reader_count * sizeof *message->at_us);
}

/* Where in the order a message stands that is not the reader's next; message_count if nobody has had it. */
static size_t find_message(uint64_t key)
{
    size_t found = 0;
    while (found < message_count && messages[found].key != key)
        found++;
    return found;
}

static void take_message(struct reader *reader, uint64_t key, const char *frame, size_t length)
{
    size_t place = reader->heard;
    if (place == message_count)
        if (find_message(key) == message_count)
            add_message(key, frame, length);
    if (place == message_count || messages[place].key != key) {
        size_t found = find_message(key);
        if (found == message_count)
            return fault("reader %u heard message %llu where others heard another", reader->number,
                         (unsigned long long)key);
        if (found < place)
            return fault("reader %u heard message %llu again, or late", reader->number, (unsigned long long)key);
        fault("reader %u did not hear message %llu and %zu more after it, or hears them late", reader->number,
              (unsigned long long)messages[place].key, found - place - 1);
        place = found;
    }
    if (!is_same(&messages[place].frame, frame, length))
        fault("reader %u heard message %llu as other bytes than others did", reader->number, (unsigned long long)key);
    messages[place].at_us[reader->number] = (uint32_t)((moment_ns - start_ns) / 1000);
    reader->heard = (unsigned)place + 1;
    deliveries++;
}

/* The value of a frame's field, given with its colon; NULL if there is none. */
static const char *field(const char *frame, size_t length, const char *name)
{
    const char *line = frame, *end = frame + length;
    size_t wanted = strlen(name);
    while (line && (size_t)(end - line) > wanted) {
        if (memcmp(line, name, wanted) == 0)
            return line + wanted + (line[wanted] == ' ');
        line = memchr(line, '\n', (size_t)(end - line));
        line = line ? line + 1 : NULL;
    }
    return NULL;
}

static int begins(const char *frame, size_t length, const char *value, const char *with)
{
    return (size_t)(frame + length - value) >= strlen(with) && memcmp(value, with, strlen(with)) == 0;
}

static void take_frame(struct reader *reader, const char *frame, size_t length)
{
    if (!reader->is_open) {
        reader->is_open = 1;
        opened++;
    }
    const char *event = field(frame, length, "event:");
    if (!event)
        return;
    if (begins(frame, length, event, "message\n")) {
        const char *data = field(frame, length, "data:");
        if (!data || !begins(frame, length, data, KEY))
            return fault("reader %u got a message without a key", reader->number);
        return take_message(reader, strtoull(data + strlen(KEY), NULL, 10), frame, length);
    }
    for (const char *const *end = (const char *const[]){"bye\n", "reset\n", "mode\n", NULL}; *end; end++)
        if (begins(frame, length, event, *end))
            stop("reader %u was sent away: %.*s", reader->number, (int)(length < 150 ? length : 150), frame);
}

/* Whatever of a stream's body has come: frames, each closed by a blank line. */
static void take_body(struct reader *reader, const char *body, size_t length)
{
    int is_kept = reader->rest.length > 0;
    if (is_kept) {
        append(&reader->rest, body, length);
        body = reader->rest.at;
        length = reader->rest.length;
    }
    const char *end, *begin = body;
    while ((end = memmem(begin, length, "\n\n", 2))) {
        size_t taken = (size_t)(end + 2 - begin);
        take_frame(reader, begin, taken);
        begin += taken;
        length -= taken;
    }
    struct bytes rest = {0};
    if (length)
        append(&rest, begin, length);
    if (is_kept)
        clear(&reader->rest);
    reader->rest = rest;
}

static void take_chunks(struct reader *reader, const char *at, size_t length)
{
    while (length) {
        if (reader->chunk_left > 0) {
            size_t taken = length < (size_t)reader->chunk_left ? length : (size_t)reader->chunk_left;
            take_body(reader, at, taken);
            at += taken;
            length -= taken;
            reader->chunk_left -= (long)taken;
            if (!reader->chunk_left)
                reader->chunk_left = -2; /* CR LF */
        } else if (reader->chunk_left < 0) {
            at++;
            length--;
            reader->chunk_left++;
        } else {
            append(&reader->line, at++, 1);
            length--;
            if (reader->line.at[reader->line.length - 1] == '\n') {
                reader->chunk_left = strtol(reader->line.at, NULL, 16);
                clear(&reader->line);
                if (!reader->chunk_left)
                    stop("the server ended the stream of reader %u", reader->number);
            }
        }
    }
}

static void take_head(struct reader *reader, const char *at, size_t length)
{
    append(&reader->rest, at, length);
    struct bytes all = reader->rest;
    const char *end = memmem(all.at, all.length, "\r\n\r\n", 4);
    if (!end)
        return;
    size_t head = (size_t)(end + 4 - all.at);
    if (all.length < 12 || memcmp(all.at + 8, " 200", 4) != 0)
        stop("a stream was answered with %.*s", (int)(all.length < 300 ? all.length : 300), all.at);
    const char *coding = field_of(all.at, head, "Transfer-Encoding");
    reader->is_chunked = coding && strncasecmp(coding, "chunked", 7) == 0;
    reader->state = STREAMING;
    reader->rest = (struct bytes){0};
    if (all.length > head)
        (reader->is_chunked ? take_chunks : take_body)(reader, all.at + head, all.length - head);
    free(all.at);
}

static void receive(struct reader *reader)
{
    static char buffer[RECEIVED];
    ssize_t length = recv(reader->fd, buffer, sizeof buffer, 0);
    if (length < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (length <= 0)
        stop("the server closed the stream of reader %u%s%s", reader->number, length ? ": " : "",
             length ? strerror(errno) : "");
    moment_ns = now_ns();
    if (reader->state != STREAMING)
        take_head(reader, buffer, (size_t)length);
    else if (reader->is_chunked)
        take_chunks(reader, buffer, (size_t)length);
    else
        take_body(reader, buffer, (size_t)length);
}

static void ask(struct reader *reader)
{
    const struct bytes *request = requests + reader->number;
    if (send(reader->fd, request->at, request->length, MSG_NOSIGNAL) != (ssize_t)request->length)
        stop("a request could not be sent: %s", strerror(errno));
    reader->state = ASKED;
    watch(poll_fd, EPOLL_CTL_MOD, reader->fd, EPOLLIN, reader);
}

static void dial_more(void)
{
    while (dialled < reader_count && dialled - opened < PACE) {
        struct reader *reader = readers + dialled;
        reader->number = (unsigned)dialled++;
        reader->fd = dial(&server, has_source ? &source : NULL);
        watch(poll_fd, EPOLL_CTL_ADD, reader->fd, EPOLLOUT, reader);
    }
}

/* Delays in microseconds, counted by value to three digits. */
static unsigned long long *counts;

static size_t slot_of(uint64_t us)
{
    size_t decade = 0;
    while (us >= SIGNIFICANT) {
        us /= 10;
        decade++;
    }
    return decade * SIGNIFICANT + us;
}

static void count_delays(void)
{
    counts = memory(counts, 8 * SIGNIFICANT * sizeof *counts);
    memset(counts, 0, 8 * SIGNIFICANT * sizeof *counts);
    printf("\"last\":{");
    const char *between = "";
    for (size_t m = 0; m < message_count; m++) {
        if (!messages[m].posted_ns)
            continue;
        int64_t posted_us = ((int64_t)messages[m].posted_ns - (int64_t)start_ns) / 1000;
        int64_t last_us = 0;
        for (size_t r = 0; r < reader_count; r++) {
            if (!messages[m].at_us[r])
                continue;
            int64_t took_us = messages[m].at_us[r] > posted_us ? messages[m].at_us[r] - posted_us : 0;
            counts[slot_of((uint64_t)took_us)]++;
            if (took_us > last_us)
                last_us = took_us;
        }
        printf("%s\"%llu\":%lld", between, (unsigned long long)messages[m].key, (long long)last_us);
        between = ",";
    }
    printf("},\"delays\":[");
    between = "";
    uint64_t unit = 1;
    for (size_t slot = 0; slot < 8 * SIGNIFICANT; slot++) {
        if (slot && slot % SIGNIFICANT == 0)
            unit *= 10;
        if (counts[slot]) {
            printf("%s[%llu,%llu]", between, (unsigned long long)(slot % SIGNIFICANT * unit), counts[slot]);
            between = ",";
        }
    }
    printf("]");
}

/* What was heard, and what is missing of what was posted. */
static void report(const char *path)
{
    FILE *file = fopen(path, "wb");
    if (!file)
        stop("%s cannot be written: %s", path, strerror(errno));
    size_t posted = 0;
    for (size_t m = 0; m < message_count; m++) {
        const struct bytes *frame = &messages[m].frame;
        const char *data = field(frame->at, frame->length, "data:");
        const char *end = memchr(data, '\n', (size_t)(frame->at + frame->length - data));
        fprintf(file, "%llu %.*s\n", (unsigned long long)messages[m].key, (int)(end - data), data);
        posted += messages[m].posted_ns != 0;
    }
    if (fclose(file))
        stop("%s cannot be written: %s", path, strerror(errno));
    for (size_t r = 0; r < reader_count; r++)
        if (readers[r].heard < message_count)
            fault("reader %zu has not heard message %llu", r, (unsigned long long)messages[readers[r].heard].key);
    if (posted < posted_count)
        fault("%zu messages that were posted reached nobody", posted_count - posted);
    for (char *at = first_fault; *at; at++)
        if (*at == '"' || *at == '\\' || (unsigned char)*at < ' ')
            *at = ' ';
    printf("{\"messages\":%zu,\"deliveries\":%llu,\"faults\":%llu,\"first_fault\":\"%s\",\"frame_bytes\":%zu,",
           message_count, deliveries, faults, first_fault,
           message_count ? messages[message_count - 1].frame.length : 0);
    count_delays();
    printf("}\n");
}

static void note_post(uint64_t key, uint64_t at_ns)
{
    static size_t next; /* posts come in about the order in which they are heard */
    posted_count++;
    for (size_t tried = 0; tried < message_count; tried++, next++) {
        struct message *message = messages + next % message_count;
        if (message->key == key) {
            message->posted_ns = at_ns;
            next++;
            return;
        }
    }
}

static void forget_posts(void)
{
    posted_count = 0;
    for (size_t m = 0; m < message_count; m++)
        messages[m].posted_ns = 0;
}

static void obey(char *line)
{
    unsigned long long key, at_ns;
    double seconds;
    size_t count;
    char path[4096];
    if (sscanf(line, "post %llu %llu", &key, &at_ns) == 2)
        note_post(key, at_ns);
    else if (sscanf(line, "heard %zu %lf", &count, &seconds) == 2) {
        wanted = count;
        wanted_until_ns = now_ns() + (uint64_t)(seconds * 1e9);
    } else if (sscanf(line, "report %4095[^\n]", path) == 1)
        report(path);
    else if (strcmp(line, "forget") == 0)
        forget_posts();
    else
        stop("the load does not know the word %s", line);
    fflush(stdout);
}

static void take_orders(void)
{
    static struct bytes orders;
    char buffer[65536];
    ssize_t length = read(0, buffer, sizeof buffer);
    if (length <= 0)
        exit(0);
    append(&orders, buffer, (size_t)length);
    char *line = orders.at, *end;
    while ((end = strchr(line, '\n'))) {
        *end = 0;
        obey(line);
        line = end + 1;
    }
    orders.length -= (size_t)(line - orders.at);
    memmove(orders.at, line, orders.length + 1);
}

static void answer_heard(void)
{
    unsigned least = ~0u, most = 0;
    for (size_t r = 0; r < reader_count; r++) {
        least = readers[r].heard < least ? readers[r].heard : least;
        most = readers[r].heard > most ? readers[r].heard : most;
    }
    if (least < wanted && now_ns() < wanted_until_ns)
        return;
    wanted_until_ns = 0;
    printf("heard %u %u\n", least, most);
    fflush(stdout);
}

static void turn(int wait_ms)
{
    struct epoll_event events[EVENTS];
    int ready = epoll_wait(poll_fd, events, EVENTS, wait_ms);
    for (int i = 0; i < ready; i++) {
        struct reader *reader = events[i].data.ptr;
        if (!reader)
            take_orders();
        else if (reader->state == DIALLING && !(events[i].events & (EPOLLERR | EPOLLHUP)))
            ask(reader);
        else
            receive(reader);
    }
    if (wanted_until_ns)
        answer_heard();
}

static void open_all(void)
{
    uint64_t progress_ns = now_ns();
    while (opened < reader_count) {
        size_t before = opened;
        dial_more();
        turn(1000);
        if (opened > before)
            progress_ns = now_ns();
        else if (now_ns() - progress_ns > OPENING_SECONDS * (uint64_t)1000000000)
            stop("%zu of %zu streams are open, and no other for %u s", opened, reader_count, OPENING_SECONDS);
    }
}

int main(int count, char **words)
{
    if (count < 4)
        stop("usage: readers HOST PORT REQUESTS [SOURCE]");
    open_files_as_allowed();
    server = address_of(words[1], words[2]);
    has_source = count > 4;
    if (has_source)
        source = address_of(words[4], "0");
    reader_count = read_requests(words[3], &requests);
    readers = calloc(reader_count, sizeof *readers);
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    start_ns = now_ns();
    open_all();
    printf("open %zu %.6f\n", opened, (double)(now_ns() - start_ns) / 1e9);
    fflush(stdout);
    watch(poll_fd, EPOLL_CTL_ADD, 0, EPOLLIN, NULL);
    for (;;)
        turn(wanted_until_ns ? 5 : -1);
}
