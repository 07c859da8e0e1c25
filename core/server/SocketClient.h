#pragma once
#include "core/protocol/RuntimeClient.h"

namespace sb::server {

/// A runtime in another process, behind its LocalServer. When the connection is lost, what was
/// asked fails with Unavailable, and each subscriber gets a last Lagged.
class SocketClient final : public protocol::RuntimeClient
{
public:
    /// Connects at once or fails: NotFound when nobody listens at the path, Forbidden when it is
    /// another user's.
    static Result<std::unique_ptr<SocketClient>> connect(const QString& path);
    ~SocketClient() override;

    Future<QJsonObject> send(protocol::Command command) override;
    Subscription subscribe(Executor& executor,
                           std::function<void(const protocol::Event&)> listener) override;

private:
    struct Private;
    explicit SocketClient(std::unique_ptr<Private> parts);
    std::unique_ptr<Private> m;
};

} // namespace sb::server
