/* Requests over connections that stay open: in a loop, or at a rate. One process, one epoll.
 *
 *   requests HOST PORT REQUESTS RATE WARM SECONDS
 *
 * has a connection for each request of the file. Without a rate (0) each asks again as soon as it is answered; else so
 * many requests a second are due, whether or not the server keeps up, and a delay counts from when one was due. The
 * first WARM seconds are said apart. In a request, MARK is replaced by its number. It says
 *
 *   begun NANOSECONDS                  the warming up is over
 *   ended NANOSECONDS                  the measuring is over
 *   answer NUMBER ID BEGUN ANSWERED    for each request, nanoseconds; ID as in `{"id":ID` of the answer, else 0
 *   done BYTES                         of all answers together
 *
 * Any answer but 2xx, and an end of the connection, stops it.
 */

#include "load.h"
#include <poll.h>

#define MARK "@@@@@@@@"
enum { FIRST = 10000000 /* as long as MARK */, RECEIVED = 1 << 18, ANSWER_SECONDS = 20 };

struct asker {
    int fd;
    struct bytes request;
    struct bytes answer; /* as far as it has come */
    uint64_t marked;     /* the number that stands in the request where the marks were */
    uint64_t number, begun_ns;
    struct asker *next;
};

struct answer {
    uint64_t number, id, begun_ns, answered_ns;
};

static struct asker *idle, **idle_end = &idle;
static size_t asker_count, idle_count;
static struct answer *answers;
static size_t answer_count, answer_room;
static uint64_t next_number = FIRST;
static unsigned long long received_bytes;
static int poll_fd;

static void rest(struct asker *asker)
{
    asker->next = NULL;
    *idle_end = asker;
    idle_end = &asker->next;
    idle_count++;
}

/* Put the number into the request, where the marks or its last number are. */
static void mark(struct asker *asker)
{
    char before[32] = MARK, digits[32];
    if (asker->marked)
        snprintf(before, sizeof before, "%llu", (unsigned long long)asker->marked);
    snprintf(digits, sizeof digits, "%llu", (unsigned long long)asker->number);
    for (char *at = asker->request.at; (at = strstr(at, before)); at += sizeof MARK - 1)
        memcpy(at, digits, sizeof MARK - 1);
    asker->marked = asker->number;
}

static void ask(uint64_t begun_ns)
{
    struct asker *asker = idle;
    idle = asker->next;
    if (!idle)
        idle_end = &idle;
    idle_count--;
    asker->number = next_number++;
    asker->begun_ns = begun_ns;
    asker->answer.length = 0;
    mark(asker);
    if (send(asker->fd, asker->request.at, asker->request.length, MSG_NOSIGNAL) != (ssize_t)asker->request.length)
        stop("the server does not take a request of %zu bytes", asker->request.length);
}

static void note(struct asker *asker, const char *body, uint64_t answered_ns)
{
    if (answer_count == answer_room) {
        answer_room = answer_room ? 2 * answer_room : 1024;
        answers = memory(answers, answer_room * sizeof *answers);
    }
    uint64_t id = strncmp(body, "{\"id\":", 6) == 0 ? strtoull(body + 6, NULL, 10) : 0;
    answers[answer_count++] = (struct answer){asker->number, id, asker->begun_ns, answered_ns};
}

static void receive(struct asker *asker)
{
    static char buffer[RECEIVED];
    ssize_t length = recv(asker->fd, buffer, sizeof buffer, 0);
    if (length < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (length <= 0)
        stop("the server closed a connection instead of answering%s%s", length ? ": " : "",
             length ? strerror(errno) : "");
    struct bytes *answer = &asker->answer;
    received_bytes += (unsigned long long)length;
    answer->at = memory(answer->at, answer->length + (size_t)length + 1);
    memcpy(answer->at + answer->length, buffer, (size_t)length);
    answer->length += (size_t)length;
    answer->at[answer->length] = 0;
    const char *end = memmem(answer->at, answer->length, "\r\n\r\n", 4);
    if (!end)
        return;
    size_t head = (size_t)(end + 4 - answer->at);
    const char *size = field_of(answer->at, head, "Content-Length");
    size_t body = size ? strtoul(size, NULL, 10) : 0;
    if (answer->length < head + body)
        return;
    if (answer->at[9] != '2')
        stop("a request was answered with %.*s", (int)(answer->length < 400 ? answer->length : 400), answer->at);
    note(asker, answer->at + head, now_ns());
    rest(asker);
}

/* Take what has come; wait for it so long, to the nanosecond, which epoll does not everywhere. */
static int receive_all(uint64_t wait_ns)
{
    struct epoll_event events[64];
    struct pollfd any = {.fd = poll_fd, .events = POLLIN};
    struct timespec wait = {.tv_sec = (time_t)(wait_ns / 1000000000u), .tv_nsec = (long)(wait_ns % 1000000000u)};
    if (ppoll(&any, 1, &wait, NULL) <= 0)
        return 0;
    int ready = epoll_wait(poll_fd, events, 64, 0);
    for (int i = 0; i < ready; i++)
        receive(events[i].data.ptr);
    return ready;
}

/* Ask until then, and wait for the last answers. */
static void run(uint64_t until_ns, double rate)
{
    uint64_t began_ns = now_ns(), now = began_ns, heard_ns = began_ns, due_ns = began_ns;
    uint64_t asked = 0, second_ns = 1000000000u;
    while (now < until_ns || idle_count < asker_count) {
        while (idle && now < until_ns && (rate == 0 || due_ns <= now)) {
            ask(rate > 0 ? due_ns : now);
            asked++;
            due_ns = rate > 0 ? began_ns + (uint64_t)((double)asked * 1e9 / rate) : now;
        }
        uint64_t next_ns = due_ns < until_ns ? due_ns : until_ns;
        int ready = receive_all(idle && now < until_ns ? next_ns - now : second_ns);
        now = now_ns();
        if (ready > 0 || idle_count == asker_count)
            heard_ns = now;
        else if (now - heard_ns > ANSWER_SECONDS * second_ns)
            stop("no answer for %d s", ANSWER_SECONDS);
    }
}

static void say(const char *word, uint64_t at_ns)
{
    printf("%s %llu\n", word, (unsigned long long)at_ns);
    fflush(stdout);
}

int main(int count, char **words)
{
    struct bytes *requests = NULL;
    if (count != 7)
        stop("usage: requests HOST PORT REQUESTS RATE WARM SECONDS");
    open_files_as_allowed();
    struct sockaddr_in server = address_of(words[1], words[2]);
    asker_count = read_requests(words[3], &requests);
    double rate = atof(words[4]), warm = atof(words[5]), seconds = atof(words[6]);
    struct asker *askers = calloc(asker_count, sizeof *askers);
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < asker_count; i++) {
        askers[i].fd = dial(&server, NULL);
        askers[i].request = requests[i];
        fcntl(askers[i].fd, F_SETFL, 0); /* wait until it is there */
        struct epoll_event event;
        watch(poll_fd, EPOLL_CTL_ADD, askers[i].fd, EPOLLOUT, NULL);
        if (epoll_wait(poll_fd, &event, 1, ANSWER_SECONDS * 1000) != 1 || event.events & (EPOLLERR | EPOLLHUP))
            stop("the server does not take a connection");
        fcntl(askers[i].fd, F_SETFL, O_NONBLOCK);
        epoll_ctl(poll_fd, EPOLL_CTL_DEL, askers[i].fd, NULL);
    }
    for (size_t i = 0; i < asker_count; i++) {
        watch(poll_fd, EPOLL_CTL_ADD, askers[i].fd, EPOLLIN, askers + i);
        rest(askers + i);
    }
    run(now_ns() + (uint64_t)(warm * 1e9), rate);
    uint64_t began_ns = now_ns();
    say("begun", began_ns);
    run(began_ns + (uint64_t)(seconds * 1e9), rate);
    say("ended", began_ns + (uint64_t)(seconds * 1e9));
    for (size_t i = 0; i < answer_count; i++)
        printf("answer %llu %llu %llu %llu\n", (unsigned long long)answers[i].number,
               (unsigned long long)answers[i].id, (unsigned long long)answers[i].begun_ns,
               (unsigned long long)answers[i].answered_ns);
    printf("done %llu\n", received_bytes);
    fflush(stdout);
    return 0;
}
