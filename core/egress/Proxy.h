#pragma once
#include "core/base/Subscription.h"
#include "core/egress/Egress.h"

namespace sb::egress {

/// The only way out: an HTTP proxy that knows who asks, checks where the request really goes,
/// writes it down, and puts keys in. It has one thread of its own, on which it calls all the
/// functions it was given; none of them may block.
class Proxy
{
public:
    struct Parts
    {
        Clock& clock;
        Resolver& resolver;
        /// What holds for the agent, asked for every request.
        std::function<Rules(const QString& agent)> rules;
        /// Lets a person judge an address outside the list; true lets this one request through.
        /// None: what is not listed is refused.
        std::function<Future<bool>(const Question&)> ask{};
        /// Writes an egress.request down and answers with its seq once that is durable; nothing
        /// is connected to before. None: nothing is written down.
        std::function<Future<qint64>(const Session&, const QJsonObject& payload)> record{};
        /// The key behind an injection's reference.
        std::function<Future<SecretString>(const QString& reference)> resolveSecret{};
        /// A scanner for what one request sends. None: nothing is scanned.
        std::function<std::unique_ptr<BodyScanner>(const Session&)> scanner{};
        Limits limits{};
        /// A file with certificates to trust beside the system's; may be empty.
        QString authorities{};
    };

    /// InvalidInput when `authorities` cannot be read, Io when there are no descriptors left.
    static Result<std::unique_ptr<Proxy>> create(Parts parts);
    /// Ends all connections and waits until they are gone; fetches answer with Cancelled.
    ~Proxy();
    Proxy(const Proxy&) = delete;
    Proxy& operator=(const Proxy&) = delete;

    /// Accepts connections on a listening TCP or Unix socket, which may belong to a network
    /// namespace of a sandbox; takes the descriptor over. All that comes through it is the
    /// session's. The subscription's end closes the socket and its connections soon after.
    Subscription serve(int listeningFd, const Session& session);

    /// One request of our own, with the same checks; every redirect is checked as well.
    /// InvalidInput for an address that cannot be used, Forbidden for one that is refused,
    /// Unavailable and Timeout for a server that does not answer, Cancelled by the token.
    Future<FetchReply>
    fetch(FetchRequest request, const Session& session, std::stop_token stop = {});

    [[nodiscard]] Stats stats() const;

    struct Private;

private:
    explicit Proxy(std::unique_ptr<Private> p);
    std::unique_ptr<Private> m;
};

} // namespace sb::egress
