/* Clients that think of themselves alone: connections that ask without end, take little, give little, or stay.
 *
 *   greedy HOST PORT LANES [NAME=NUMBER…]
 *
 * LANES is a file. A lane begins with the line `lane SOURCE COUNT`: a connection from the address SOURCE, on which
 * COUNT requests are made in turn, each of them a line with its length and then so many bytes. MARK in a request
 * becomes a number of its own. A connection that ends is opened anew. The options:
 *
 *   depth=1     so many requests are on their way at once: with 2 the next one lies ready while one is answered
 *   take=BYTES  so many a second are read of a connection; without it, all that comes
 *   drip=MS     so often a byte of the request is sent, after its first FIRST_BYTES; without it, all at once
 *   again=MS    so much later a connection is opened anew that the server has cut off
 *   hello=1     the requests are for streams: one that has said hello is left by closing the connection
 *
 * It reads `run COUNT`, asks until so many more were answered (0: until the next line), and prints what has happened
 * since it was started as a line of JSON. The end of its input ends it.
 */

#include "load.h"

#define MARK "@@@@@@@@"
#define HELLO "event: hello"
#define MODE "event: mode" /* the server has no place for another stream */
#define MS 1000000ull
enum {
    FIRST_NUMBER = 10000000, /* as long as MARK */
    FIRST_BYTES = 40,        /* enough to look like a request */
    HEAD_BYTES = 1 << 13,
    RECEIVED_BYTES = 1 << 16,
    SLOW_BUFFER_BYTES = 4096, /* of the kernel's, for who takes little */
    DIALS_AT_ONCE = 256,
    TICK_MS = 10,
    STATUSES = 600
};

enum state { HEAD, BODY, CHUNK_SIZE, CHUNK, CHUNK_END, LAST_CHUNK_END, UNTIL_CLOSE };

struct lane {
    int fd; /* -1: not open */
    int is_connected;
    struct sockaddr_in source;
    struct bytes *requests;
    size_t request_count, next;
    struct bytes out; /* the request that is being sent; `sent` of it is gone */
    size_t sent;
    unsigned on_their_way;   /* requests that were begun, and are not answered to the end */
    enum state state;        /* of the answer that comes */
    int is_last, is_refusal; /* whether that ends the connection, as it says itself; whether it is 4xx or 5xx */
    unsigned long long left; /* of its body, or of a chunk */
    char head[HEAD_BYTES];   /* its head as far as it has come, or a chunk's first line */
    size_t head_length;
    uint64_t due_ns;   /* when it may be opened, or the next byte may go */
    uint64_t taken_ns; /* up to when it has taken what it may take */
};

static struct lane *lanes;
static size_t lane_count, dialling, open_count, open_peak;
static struct sockaddr_in server;
static long depth = 1, take = -1, drip = 0, again = 100, hello = 0;
static unsigned long long begun, wanted; /* requests that may still be answered or were; 0 wanted: without end */
static unsigned long long asked, answered, received, opened, cut_off, unreached, sent_away, by_status[STATUSES];
static uint64_t next_number = FIRST_NUMBER;
static int poll_fd, is_running;

/* Connections */

static int may_open(void)
{
    return is_running && dialling < DIALS_AT_ONCE && (!wanted || begun < wanted);
}

static void open_lane(struct lane *lane, uint64_t now)
{
    int small = SLOW_BUFFER_BYTES;
    lane->fd = dial(&server, &lane->source);
    if (take >= 0)
        setsockopt(lane->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    lane->is_connected = 0;
    lane->taken_ns = lane->due_ns = now;
    dialling++;
    open_peak = ++open_count > open_peak ? open_count : open_peak;
    watch(poll_fd, EPOLL_CTL_ADD, lane->fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, lane);
}

/* Forget the connection with all that was on its way; it is opened anew `wait_ms` later. */
static void close_lane(struct lane *lane, uint64_t now, long wait_ms)
{
    unsigned being_answered = lane->state != HEAD;
    begun -= lane->on_their_way - being_answered;
    dialling -= !lane->is_connected;
    open_count--;
    close(lane->fd);
    lane->fd = -1;
    lane->due_ns = now + (uint64_t)wait_ms * MS;
    lane->out.length = lane->sent = lane->head_length = lane->on_their_way = 0;
    lane->is_last = 0;
    lane->state = HEAD;
    if (!wait_ms && may_open())
        open_lane(lane, now);
}

/* The server has ended it: before an answer was complete, unless nothing is on its way. */
static void ended(struct lane *lane, uint64_t now)
{
    int is_cut_off = lane->is_connected && lane->on_their_way > 0;
    unreached += !lane->is_connected;
    cut_off += (unsigned)is_cut_off;
    close_lane(lane, now, is_cut_off || !lane->is_connected ? again : 0);
}

/* Requests */

static int may_begin(const struct lane *lane)
{
    return is_running && !lane->is_last && lane->on_their_way < (unsigned long)depth && (!wanted || begun < wanted);
}

static void begin_request(struct lane *lane)
{
    struct bytes *request = lane->requests + lane->next;
    char number[24];
    lane->next = (lane->next + 1) % lane->request_count;
    lane->out.at = memory(lane->out.at, request->length + 1);
    memcpy(lane->out.at, request->at, request->length);
    lane->out.length = request->length;
    lane->sent = 0;
    snprintf(number, sizeof number, "%llu", (unsigned long long)next_number++);
    char *at = lane->out.at, *end = at + request->length;
    while ((at = memmem(at, (size_t)(end - at), MARK, strlen(MARK))))
        memcpy(at, number, strlen(MARK));
    lane->on_their_way++;
    begun++;
}

/* Send what may go. Returns 0 where the connection has ended. */
static int give(struct lane *lane, uint64_t now)
{
    for (;;) {
        if (lane->sent == lane->out.length) {
            if (!may_begin(lane))
                return 1;
            begin_request(lane);
        }
        size_t length = lane->out.length - lane->sent;
        if (drip && now < lane->due_ns)
            return 1;
        if (drip) {
            length = lane->sent ? 1 : length < FIRST_BYTES ? length : FIRST_BYTES;
            lane->due_ns = now + (uint64_t)drip * MS;
        }
        ssize_t gone = send(lane->fd, lane->out.at + lane->sent, length, MSG_NOSIGNAL);
        if (gone < 0)
            return errno == EAGAIN;
        lane->sent += (size_t)gone;
        asked += lane->sent == lane->out.length;
    }
}

/* Answers */

static void note(int status)
{
    answered++;
    by_status[status > 0 && status < STATUSES ? status : 0]++;
}

static int status_of(const struct lane *lane)
{
    return atoi(lane->head + strlen("HTTP/1.1 "));
}

static void begin_answer(struct lane *lane)
{
    int status = status_of(lane);
    const char *size = field_of(lane->head, lane->head_length, "Content-Length");
    const char *coding = field_of(lane->head, lane->head_length, "Transfer-Encoding");
    const char *last = field_of(lane->head, lane->head_length, "Connection");
    if (status < 200) /* 100 Continue */
        return;
    note(status);
    lane->is_last = last && strncasecmp(last, "close", strlen("close")) == 0;
    lane->is_refusal = status >= 400;
    lane->left = size ? strtoull(size, NULL, 10) : 0;
    if (coding && strncasecmp(coding, "chunked", strlen("chunked")) == 0)
        lane->state = CHUNK_SIZE;
    else if (size || status == 204 || status == 304)
        lane->state = BODY;
    else
        lane->state = UNTIL_CLOSE;
}

static void end_answer(struct lane *lane)
{
    lane->on_their_way -= lane->on_their_way > 0; /* 0: the server has answered more than it was asked */
    lane->state = HEAD;
}

/* Add a byte to a head or to a chunk's first line; returns whether `end` has come, which ends it. */
static int add_to_head(struct lane *lane, char byte, const char *end)
{
    size_t length = strlen(end);
    if (lane->head_length == HEAD_BYTES - 1)
        stop("an answer has a head of more than %d bytes", HEAD_BYTES - 1);
    lane->head[lane->head_length++] = byte;
    lane->head[lane->head_length] = 0;
    return lane->head_length >= length && memcmp(lane->head + lane->head_length - length, end, length) == 0;
}

/* Take one byte of what is not a body. */
static void read_byte(struct lane *lane, char byte)
{
    switch (lane->state) {
    case HEAD:
        if (!add_to_head(lane, byte, "\r\n\r\n"))
            return;
        begin_answer(lane);
        if (lane->state == BODY && !lane->left)
            end_answer(lane);
        break;
    case CHUNK_SIZE:
        if (!add_to_head(lane, byte, "\n"))
            return;
        lane->left = strtoull(lane->head, NULL, 16);
        lane->state = lane->left ? CHUNK : LAST_CHUNK_END;
        break;
    case CHUNK_END:
        if (byte == '\n')
            lane->state = CHUNK_SIZE;
        break;
    default:
        if (byte == '\n')
            end_answer(lane);
    }
    lane->head_length = 0;
}

/* Go through what has come, answer by answer. */
static void read_answers(struct lane *lane, const char *at, size_t length)
{
    while (length) {
        size_t step = 1;
        if (lane->state == UNTIL_CLOSE) {
            return;
        } else if (lane->state == BODY || lane->state == CHUNK) {
            step = lane->left < length ? (size_t)lane->left : length;
            lane->left -= step;
            if (!lane->left && lane->state == BODY)
                end_answer(lane);
            else if (!lane->left)
                lane->state = CHUNK_END;
        } else {
            read_byte(lane, *at);
        }
        at += step;
        length -= step;
    }
}

/* Take in the beginning of a stream, and leave it when it has said hello, or is none. */
static void read_hello(struct lane *lane, const char *at, size_t length, uint64_t now)
{
    for (size_t i = 0; i < length; i++)
        add_to_head(lane, at[i], "\n");
    int has_head = strstr(lane->head, "\r\n\r\n") != NULL, status = has_head ? status_of(lane) : 0;
    if (!strstr(lane->head, HELLO) && (!has_head || status == 200))
        return;
    note(status);
    sent_away += strstr(lane->head, MODE) != NULL;
    lane->on_their_way = 0;
    close_lane(lane, now, status == 200 ? 0 : again);
}

/* How much may be read now: a second's worth at most. */
static size_t allowance(struct lane *lane, uint64_t now)
{
    if (take < 0)
        return RECEIVED_BYTES;
    uint64_t waited_ns = now - lane->taken_ns < 1000 * MS ? now - lane->taken_ns : 1000 * MS;
    size_t bytes = (size_t)((double)waited_ns * (double)take / 1e9);
    if (bytes)
        lane->taken_ns = now;
    return bytes < RECEIVED_BYTES ? bytes : RECEIVED_BYTES;
}

/* Read what has come. Returns 0 where the connection has ended. */
static int receive(struct lane *lane, uint64_t now)
{
    static char buffer[RECEIVED_BYTES];
    size_t allowed;
    while (lane->fd >= 0 && (allowed = allowance(lane, now))) {
        ssize_t length = recv(lane->fd, buffer, allowed, 0);
        if (length <= 0)
            return length < 0 && errno == EAGAIN;
        received += (unsigned long long)length;
        if (hello)
            read_hello(lane, buffer, (size_t)length, now);
        else
            read_answers(lane, buffer, (size_t)length);
    }
    return 1;
}

/* The turns of all */

static void go_on(struct lane *lane, uint64_t now)
{
    for (;;) {
        int could_give = give(lane, now);
        unsigned on_their_way = lane->on_their_way;
        int could_receive = receive(lane, now); /* the last word may have come before the end */
        if (lane->fd >= 0 && (!could_give || !could_receive))
            return ended(lane, now);
        if (lane->fd >= 0 && lane->is_last && lane->state == HEAD)
            return close_lane(lane, now, lane->is_refusal ? again : 0);
        if (lane->fd < 0 || lane->on_their_way >= on_their_way)
            return; /* nothing was answered, so nothing more may be asked */
    }
}

static void meet(struct lane *lane, uint32_t events, uint64_t now)
{
    if (!lane->is_connected && events & EPOLLOUT && !(events & EPOLLERR)) {
        lane->is_connected = 1;
        dialling--;
        opened++;
    }
    if (!lane->is_connected ? events & (EPOLLERR | EPOLLHUP) : take >= 0 && events & EPOLLRDHUP)
        ended(lane, now); /* not reached, or left by the server: who takes little would notice late */
    else if (lane->is_connected)
        go_on(lane, now);
}

/* Open what may be opened, and go on where a time has come. */
static void tick(uint64_t now)
{
    for (size_t i = 0; i < lane_count; i++) {
        struct lane *lane = lanes + i;
        if (lane->fd < 0 && now >= lane->due_ns && may_open())
            open_lane(lane, now);
        else if (lane->fd >= 0 && lane->is_connected && (drip || take > 0))
            go_on(lane, now);
    }
}

static void report(void)
{
    printf("{\"asked\": %llu, \"answered\": %llu, \"received_bytes\": %llu, \"opened\": %llu, \"cut_off\": %llu, "
           "\"unreached\": %llu, \"sent_away\": %llu, \"open\": %zu, \"open_peak\": %zu, \"statuses\": {",
           asked, answered, received, opened, cut_off, unreached, sent_away, open_count, open_peak);
    const char *comma = "";
    for (int status = 0; status < STATUSES; status++)
        if (by_status[status]) {
            printf("%s\"%d\": %llu", comma, status, by_status[status]);
            comma = ", ";
        }
    puts("}}");
    fflush(stdout);
}

/* Read a line of the input, which decides how long to ask. Returns 0 at its end. */
static int obey(void)
{
    char line[64];
    unsigned long long count;
    if (!fgets(line, sizeof line, stdin))
        return 0;
    if (is_running) {
        is_running = 0;
        report();
    } else if (sscanf(line, "run %llu", &count) == 1) {
        is_running = 1;
        begun = answered;
        wanted = count ? answered + count : 0;
        for (size_t i = 0; i < lane_count; i++)
            if (lanes[i].fd >= 0)
                meet(lanes + i, 0, now_ns());
    }
    return 1;
}

static void serve(void)
{
    struct epoll_event events[256];
    uint64_t ticked_ns = 0;
    for (;;) {
        int ready = epoll_wait(poll_fd, events, 256, TICK_MS);
        uint64_t now = now_ns();
        for (int i = 0; i < ready; i++) {
            struct lane *lane = events[i].data.ptr;
            if (!lane && !obey())
                return;
            if (lane && lane->fd >= 0)
                meet(lane, events[i].events, now);
        }
        if (now - ticked_ns >= TICK_MS * MS) {
            tick(now);
            ticked_ns = now;
        }
        if (is_running && wanted && answered >= wanted) {
            is_running = 0;
            report();
        }
    }
}

/* The start */

static void read_lanes(const char *path)
{
    FILE *file = fopen(path, "rb");
    char source[64];
    size_t count, length;
    if (!file)
        stop("the lanes cannot be read: %s", strerror(errno));
    while (fscanf(file, "lane %63s %zu", source, &count) == 2 && fgetc(file) == '\n') {
        lanes = memory(lanes, (lane_count + 1) * sizeof *lanes);
        struct lane *lane = memset(lanes + lane_count++, 0, sizeof *lane);
        lane->fd = -1;
        lane->source = address_of(source, "0");
        lane->requests = memory(NULL, count * sizeof *lane->requests);
        for (lane->request_count = 0; lane->request_count < count; lane->request_count++) {
            struct bytes *request = lane->requests + lane->request_count;
            if (fscanf(file, "%zu", &length) != 1 || fgetc(file) != '\n')
                stop("a lane lacks a request");
            request->at = memory(NULL, length);
            request->length = fread(request->at, 1, length, file);
        }
    }
    fclose(file);
    if (!lane_count)
        stop("there are no lanes in %s", path);
}

static void read_option(const char *word)
{
    const struct {
        const char *name;
        long *value;
    } options[] = {{"depth=", &depth}, {"take=", &take}, {"drip=", &drip}, {"again=", &again}, {"hello=", &hello}};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (strncmp(word, options[i].name, strlen(options[i].name)) == 0) {
            *options[i].value = atol(word + strlen(options[i].name));
            return;
        }
    stop("there is no option %s", word);
}

int main(int count, char **words)
{
    if (count < 4)
        stop("usage: greedy HOST PORT LANES [NAME=NUMBER…]");
    open_files_as_allowed();
    server = address_of(words[1], words[2]);
    for (int i = 4; i < count; i++)
        read_option(words[i]);
    read_lanes(words[3]);
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    setvbuf(stdin, NULL, _IONBF, 0); /* or a line could wait in it, unseen by epoll */
    watch(poll_fd, EPOLL_CTL_ADD, STDIN_FILENO, EPOLLIN, NULL);
    serve();
    return 0;
}
