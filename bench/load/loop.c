/* The least that any server must do: one process, one epoll, one `send` a reader. What it costs is the limit.
 *
 *   loop
 *
 * listens on a free port of 127.0.0.1, and says which. A GET opens an event stream. The body of a POST goes to every
 * reader, as the data of a frame, and is then answered with 201. It knows no user, no store and no log, and waits for
 * a reader that does not take its frame.
 */

#include "load.h"
#include <poll.h>

enum { REQUEST = 16384, EVENTS = 512, BACKLOG = 4096 };

struct connection {
    int fd;
    struct bytes request;
};

static const char HEAD[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
                           "Cache-Control: no-store\r\nConnection: close\r\n\r\nevent: hello\ndata: {}\n\n";
static const char ANSWER[] = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";

static int *readers;
static size_t reader_count, reader_room;
static int poll_fd;

static void put(int fd, const char *at, size_t length)
{
    while (length) {
        ssize_t sent = send(fd, at, length, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) {
            struct pollfd writable = {.fd = fd, .events = POLLOUT};
            poll(&writable, 1, -1);
        } else if (sent < 0) {
            return; /* gone: epoll tells of it */
        } else {
            at += sent;
            length -= (size_t)sent;
        }
    }
}

static void add_reader(int fd)
{
    if (reader_count == reader_room) {
        reader_room = reader_room ? 2 * reader_room : 1024;
        readers = memory(readers, reader_room * sizeof *readers);
    }
    readers[reader_count++] = fd;
    put(fd, HEAD, sizeof HEAD - 1);
}

static void remove_reader(int fd)
{
    for (size_t i = 0; i < reader_count; i++)
        if (readers[i] == fd)
            readers[i--] = readers[--reader_count];
}

static void fan_out(const char *data, size_t length)
{
    static unsigned long id = 999;
    static char frame[REQUEST + 64];
    int begin = snprintf(frame, sizeof frame, "event: message\nid: %lu\ndata: ", ++id);
    memcpy(frame + begin, data, length);
    memcpy(frame + begin + length, "\n\n", 2);
    for (size_t i = 0; i < reader_count; i++)
        put(readers[i], frame, (size_t)begin + length + 2);
}

static void end(struct connection *connection)
{
    remove_reader(connection->fd);
    close(connection->fd);
    free(connection->request.at);
    free(connection);
}

static void receive(struct connection *connection)
{
    static char buffer[REQUEST];
    ssize_t length = recv(connection->fd, buffer, sizeof buffer, 0);
    if (length <= 0)
        return end(connection);
    struct bytes *request = &connection->request;
    request->at = memory(request->at, request->length + (size_t)length + 1);
    memcpy(request->at + request->length, buffer, (size_t)length);
    request->length += (size_t)length;
    request->at[request->length] = 0;
    const char *head_end = memmem(request->at, request->length, "\r\n\r\n", 4);
    if (!head_end || request->length > REQUEST)
        return;
    size_t head = (size_t)(head_end + 4 - request->at);
    if (request->at[0] == 'G') {
        add_reader(connection->fd);
    } else {
        const char *size = field_of(request->at, head, "Content-Length");
        if (!size || request->length < head + strtoul(size, NULL, 10))
            return;
        fan_out(request->at + head, request->length - head);
        put(connection->fd, ANSWER, sizeof ANSWER - 1);
    }
    free(request->at);
    *request = (struct bytes){0};
}

static void welcome(int listener)
{
    int fd, one = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct connection *connection = calloc(1, sizeof *connection);
        if (!connection)
            stop("there is no memory");
        connection->fd = fd;
        watch(poll_fd, EPOLL_CTL_ADD, fd, EPOLLIN, connection);
    }
}

int main(void)
{
    struct sockaddr_in address = address_of("127.0.0.1", "0");
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    open_files_as_allowed();
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, BACKLOG) < 0)
        stop("the loop cannot listen: %s", strerror(errno));
    getsockname(listener, (struct sockaddr *)&address, &length);
    printf("listens at http://127.0.0.1:%u\n", ntohs(address.sin_port));
    fflush(stdout);
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    watch(poll_fd, EPOLL_CTL_ADD, listener, EPOLLIN, NULL);
    for (;;) {
        struct epoll_event events[EVENTS];
        int ready = epoll_wait(poll_fd, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.ptr)
                receive(events[i].data.ptr);
            else
                welcome(listener);
        }
    }
}
