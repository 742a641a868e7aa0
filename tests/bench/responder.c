/* The floor of serving a page that is there: answers each request on a connection with so many bytes, by
 * one read and one write, and looks at nothing. One connection after the other.
 *
 *     responder PORT BYTES
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

int main(int count, char **arguments)
{
    if (count != 3)
        return 64;
    size_t size = strtoul(arguments[2], NULL, 10);
    char *body = calloc(size + 1, 1), head[128], request[4096];
    int length = snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", size);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(atoi(arguments[1])),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int yes = 1, door = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (!body || bind(door, (struct sockaddr *)&at, sizeof at) || listen(door, 8)) {
        perror("responder");
        return 1;
    }
    for (;;) {
        int client = accept(door, NULL, NULL);
        while (client >= 0 && recv(client, request, sizeof request, 0) > 0) {
            struct iovec answer[2] = {{head, length}, {body, size}};
            struct msghdr message = {.msg_iov = answer, .msg_iovlen = 2};
            size_t left = length + size;
            while (left > 0) {
                ssize_t sent = sendmsg(client, &message, MSG_NOSIGNAL);
                if (sent <= 0)
                    break;
                left -= sent;
                for (int n = 0; n < 2; n++) {
                    size_t of_it = (size_t)sent < answer[n].iov_len ? (size_t)sent : answer[n].iov_len;
                    answer[n].iov_base = (char *)answer[n].iov_base + of_it;
                    answer[n].iov_len -= of_it;
                    sent -= of_it;
                }
            }
        }
        close(client);
    }
}
