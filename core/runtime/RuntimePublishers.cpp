#include "core/runtime/Answers.h"

// Whose packages are believed here.
namespace sb::runtime {

namespace {

using packages::Pin;

protocol::PublisherInfo
infoOf(const Pin& pin, const QList<packages::Installed>& installed, bool isForgotten)
{
    protocol::PublisherInfo info;
    info.name = pin.publisher;
    info.fingerprint = packages::fingerprintOf(pin.key);
    info.since = pin.since;
    for (const auto& one : installed) {
        if (one.id.publisher == pin.publisher) {
            info.packages.append(packages::kindName(one.id.kind) + u' ' + one.id.name);
        }
    }
    info.isForgotten = isForgotten;
    return info;
}

} // namespace

Result<std::unique_ptr<Installed>> Runtime::installed()
{
    SB_TRY(const auto secret, signingKey());
    return std::make_unique<Installed>(m_settings.home, secret, m_clock);
}

Result<> Runtime::recordPublisher(const Pin& pin, const QString& what, const QString& by)
{
    SB_TRY(InstanceChain* const chain, instance());
    return chain->recordPublisher(pin.publisher, packages::fingerprintOf(pin.key), what, by);
}

Future<QJsonObject> Runtime::handle(protocol::ListPublishers)
{
    using Reply = protocol::ListPublishers::Reply;
    return onPool<Reply>([this]() -> Result<Reply> {
        SB_TRY(const auto all, installed());
        SB_TRY(const auto pins, all->trust().pins());
        SB_TRY(const auto packages, all->packages().list());
        Reply reply;
        for (const Pin& pin : pins) {
            reply.publishers.append(infoOf(pin, packages, false));
        }
        const auto forgotten = m_forgotten.withLock([](const auto& some) { return some.values(); });
        for (const Pin& pin : forgotten) {
            if (std::ranges::find(pins, pin.publisher, &Pin::publisher) == pins.end()) {
                reply.publishers.append(infoOf(pin, packages, true));
            }
        }
        std::ranges::sort(reply.publishers, {}, &protocol::PublisherInfo::name);
        return reply;
    });
}

Future<QJsonObject> Runtime::handle(const protocol::ForgetPublisher& command)
{
    return onPool<protocol::PublisherInfo>([this, command]() -> Result<protocol::PublisherInfo> {
        SB_TRY(const auto all, installed());
        SB_TRY(const Pin gone, all->forget(command.publisher));
        m_forgotten.withLock([&](auto& some) { some.insert(gone.publisher, gone); });
        SB_CHECK(recordPublisher(gone, QStringLiteral("forgotten"), command.by));
        SB_TRY(const auto packages, all->packages().list());
        return infoOf(gone, packages, true);
    });
}

Future<QJsonObject> Runtime::handle(const protocol::RememberPublisher& command)
{
    return onPool<protocol::PublisherInfo>([this, command]() -> Result<protocol::PublisherInfo> {
        const auto pin = m_forgotten.withLock([&](const auto& some) {
            const auto found = some.constFind(command.publisher);
            return found == some.cend() ? std::optional<Pin>() : std::optional(*found);
        });
        if (!pin) {
            return fail(ErrorCode::NotFound,
                        QStringLiteral("\"%1\" was not forgotten since Signalbox started; "
                                       "install one of its packages again to trust it.")
                            .arg(command.publisher));
        }
        SB_TRY(const auto all, installed());
        SB_TRY(const auto known, all->trust().find(pin->publisher));
        if (known && known->key != pin->key) {
            return fail(ErrorCode::Conflict,
                        QStringLiteral("Another key was trusted under the name \"%1\" "
                                       "meanwhile.")
                            .arg(pin->publisher));
        }
        SB_CHECK(all->trust().pin(pin->publisher, pin->key));
        m_forgotten.withLock([&](auto& some) { some.remove(pin->publisher); });
        SB_CHECK(recordPublisher(*pin, QStringLiteral("trusted again"), command.by));
        SB_TRY(const auto now, all->trust().find(pin->publisher));
        SB_TRY(const auto packages, all->packages().list());
        return infoOf(now.value_or(*pin), packages, false);
    });
}

} // namespace sb::runtime
