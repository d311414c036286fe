/* What the programs of the load share: time, memory, requests from a file, connections. Linux only. */

#ifndef LOAD_H
#define LOAD_H

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* A request as bytes, or any other piece of text. */
struct bytes {
    char *at;
    size_t length;
};

/* End with one sentence, which the benchmark shows as the reason why the run does not count. */
static void __attribute__((noreturn, format(printf, 1, 2))) stop(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("stopped ", stdout);
    vprintf(format, arguments);
    putchar('\n');
    fflush(stdout);
    exit(1);
}

/* The machine's monotonic clock: the same in all processes. */
static uint64_t __attribute__((unused)) now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void *memory(void *old, size_t size)
{
    void *found = realloc(old, size);
    if (!found && size)
        stop("there is no memory for the load");
    return found;
}

static void open_files_as_allowed(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* Requests from a file, each a line with its length and then so many bytes. Returns how many there are. */
static size_t __attribute__((unused)) read_requests(const char *path, struct bytes **requests)
{
    FILE *file = fopen(path, "rb");
    size_t count = 0, length;
    if (!file)
        stop("the requests cannot be read: %s", strerror(errno));
    while (fscanf(file, "%zu", &length) == 1 && fgetc(file) == '\n') {
        *requests = memory(*requests, (count + 1) * sizeof **requests);
        struct bytes *request = *requests + count++;
        request->at = memory(NULL, length + 1);
        request->length = fread(request->at, 1, length, file);
        request->at[length] = 0;
    }
    fclose(file);
    if (!count)
        stop("there are no requests in %s", path);
    return count;
}

static struct sockaddr_in address_of(const char *host, const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
        stop("%s is no IPv4 address", host);
    return address;
}

/* A connection on its way, which does not block; from `source` if there is one. */
static int __attribute__((unused)) dial(const struct sockaddr_in *to, const struct sockaddr_in *source)
{
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        stop("no socket for the load: %s", strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (source) {
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
        if (bind(fd, (const struct sockaddr *)source, sizeof *source) < 0)
            stop("the load's address cannot be used: %s", strerror(errno));
    }
    if (connect(fd, (const struct sockaddr *)to, sizeof *to) < 0 && errno != EINPROGRESS)
        stop("the server cannot be reached: %s", strerror(errno));
    return fd;
}

static void watch(int poll, int operation, int fd, uint32_t events, void *whose)
{
    struct epoll_event event = {.events = events, .data.ptr = whose};
    if (epoll_ctl(poll, operation, fd, &event) < 0)
        stop("epoll: %s", strerror(errno));
}

/* The value of a field in an answer's head, or NULL. */
static const char *__attribute__((unused)) field_of(const char *head, size_t length, const char *name)
{
    size_t wanted = strlen(name);
    for (const char *line = head; line && line + wanted < head + length;) {
        if (strncasecmp(line, name, wanted) == 0 && line[wanted] == ':') {
            for (line += wanted + 1; *line == ' ';)
                line++;
            return line;
        }
        line = memchr(line, '\n', (size_t)(head + length - line));
        line = line ? line + 1 : NULL;
    }
    return NULL;
}

#endif
