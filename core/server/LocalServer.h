#pragma once
#include "core/protocol/RuntimeClient.h"

namespace sb::server {

/// The runtime behind a Unix socket of this user, for the command line's other verbs and a second
/// window.
class LocalServer
{
public:
    struct Limits
    {
        qsizetype frame = 64 << 20; ///< bytes of one line
        qsizetype pendingBytes =
            64 << 20; ///< answers that a client leaves unread; more, and it is dropped
        qsizetype pendingEvents = 4 << 20; ///< bytes of events among them
        int requests = 256; ///< under way at once, of one client; then it is not read from
        int clients = 256;
    };

    /// Listens at the path (see socketPathFor) with the default limits. A file that a dead runtime
    /// left is replaced; Conflict when a living one listens there, or something that is no socket
    /// lies there. The client must outlive the server.
    static Result<std::unique_ptr<LocalServer>> start(const QString& path,
                                                      protocol::RuntimeClient& client);
    static Result<std::unique_ptr<LocalServer>>
    start(const QString& path, protocol::RuntimeClient& client, Limits limits);
    /// Closes every connection and removes the socket.
    ~LocalServer();

private:
    struct Private;
    explicit LocalServer(std::unique_ptr<Private> parts);
    std::unique_ptr<Private> m;
};

} // namespace sb::server
