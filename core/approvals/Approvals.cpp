#include "core/approvals/Approvals.h"

#include "core/base/Guarded.h"
#include "core/base/Ids.h"

#include <QJsonDocument>
#include <list>

namespace sb::approvals {

using protocol::ApprovalInfo;
using protocol::ApprovalState;
using protocol::Entry;
using protocol::Kind;

namespace {

// What is larger goes into a part of the journal, because an entry would cut it.
constexpr qsizetype inlineLimit = 48 * 1024;
// Timers run on a clock that may stand still while the machine sleeps, so none is set for longer
// than this.
constexpr Milliseconds longestTimer = std::chrono::minutes(10);
constexpr int listed = 1000;

QByteArray compact(const QJsonObject& object)
{
    return QJsonDocument(object).toJson(QJsonDocument::Compact);
}

Result<QJsonObject> partObject(journal::Journal& journal, const QString& hash)
{
    SB_TRY(const auto bytes, journal.part(hash));
    return QJsonDocument::fromJson(bytes).object();
}

/// A row's JSON as the question that it describes, with what stands in parts put back.
Result<ApprovalInfo> infoFrom(journal::Journal& journal, QJsonObject json)
{
    if (const auto hash = json.value(QStringLiteral("whole")).toString(); !hash.isEmpty()) {
        SB_TRY(QJsonObject whole, partObject(journal, hash));
        for (const auto& name : {"state",
                                 "settled_at",
                                 "by",
                                 "note",
                                 "edited_arguments",
                                 "whole_arguments",
                                 "request_seq",
                                 "settle_seq"}) {
            whole.insert(QLatin1StringView(name), json.value(QLatin1StringView(name)));
        }
        json = std::move(whole);
    }
    if (const auto hash = json.value(QStringLiteral("whole_arguments")).toString();
        !hash.isEmpty()) {
        SB_TRY(const QJsonObject arguments, partObject(journal, hash));
        json.insert(QStringLiteral("edited_arguments"), arguments);
    }
    return protocol::fromJson<ApprovalInfo>(json);
}

QString settledText(const ApprovalInfo& info)
{
    QString state = enumName(info.state);
    state[0] = state[0].toUpper();
    return info.by.isEmpty() || info.state == ApprovalState::Expired
               ? QStringLiteral("Already %1 at %2.")
                     .arg(enumName(info.state), timeText(info.settledAt))
               : QStringLiteral("Already %1 by %2 at %3.")
                     .arg(enumName(info.state), info.by, timeText(info.settledAt));
}

struct Listener
{
    Executor* executor = nullptr;
    std::function<void(const ApprovalInfo&)> call;
    // Recursive, because an executor that runs jobs at once may end the subscription from inside
    // the call.
    std::recursive_mutex mutex;
    bool active = true;
};

/// A question that nobody answered yet.
struct Open
{
    ApprovalInfo info;
    std::vector<Promise<ApprovalInfo>> waiters;
    Subscription timer;
};

struct State
{
    QHash<QString, std::shared_ptr<Open>> open; // shared only to be movable out of the hash
    std::list<std::shared_ptr<Listener>> listeners;
};

/// How a transaction that settles ended: it is committed also when the caller is refused, because
/// it may record that the question expired.
struct Settling
{
    QJsonObject row;
    bool changed = false;
    bool refused = false;
};

} // namespace

struct Approvals::Private : std::enable_shared_from_this<Approvals::Private>
{
    Private(journal::Journal& j, store::Database& d, Clock& c, Executor& e, Milliseconds ttl)
        : journal(j), database(d), clock(c), executor(e), timeToLive(ttl)
    {
    }

    journal::Journal& journal;
    store::Database& database;
    Clock& clock;
    Executor& executor;
    Milliseconds timeToLive;
    Guarded<State> state;

    void adopt(const ApprovalInfo& info);
    void arm(const QString& id, TimeUs expiresAt);
    void timerFired(const QString& id, TimeUs expiresAt);
    void ask(ApprovalInfo info,
             QJsonObject payload,
             const Origin& origin,
             Promise<ApprovalInfo> promise);
    void close(const QString& id, const Result<ApprovalInfo>& outcome);
    void notify(const ApprovalInfo& info);

    struct Decision
    {
        QString id;
        ApprovalState state = ApprovalState::Rejected;
        QString by;
        QString note;
        std::optional<QJsonObject> arguments;
        QString argumentsPart; // the hash that they are stored under when they are too large
    };
    Future<ApprovalInfo> decide(Decision decision);
    void record(Decision decision, Promise<ApprovalInfo> promise);
    Result<QList<QJsonObject>> rows(const char* sql, const QString& id = {});
};

Approvals::Approvals(journal::Journal& journal,
                     store::Database& database,
                     Clock& clock,
                     Executor& executor,
                     Milliseconds timeToLive)
    : m(std::make_shared<Private>(journal, database, clock, executor, timeToLive))
{
    // When this cannot be read, every later reading says so.
    const auto waiting = list(false).value_or(QList<ApprovalInfo>());
    for (const ApprovalInfo& info : waiting) {
        m->adopt(info);
    }
}

Approvals::~Approvals()
{
    // Those who wait are answered with Cancelled as the promises go; outside the lock.
    const State gone = m->state.withLock([](State& state) { return std::exchange(state, {}); });
}

void Approvals::Private::adopt(const ApprovalInfo& info)
{
    const bool added = state.withLock([&](State& s) {
        if (s.open.contains(info.id)) {
            return false;
        }
        auto open = std::make_shared<Open>();
        open->info = info;
        s.open.insert(info.id, open);
        return true;
    });
    if (added) {
        arm(info.id, info.expiresAt);
    }
}

void Approvals::Private::arm(const QString& id, TimeUs expiresAt)
{
    const auto left =
        std::chrono::ceil<Milliseconds>(std::chrono::microseconds(expiresAt - clock.nowUs()));
    if (left.count() <= 0) {
        executor.post([weak = weak_from_this(), id, expiresAt] {
            if (auto self = weak.lock()) {
                self->timerFired(id, expiresAt);
            }
        });
        return;
    }
    Subscription timer = clock.after(
        std::min(left, longestTimer), executor, [weak = weak_from_this(), id, expiresAt] {
            if (auto self = weak.lock()) {
                self->timerFired(id, expiresAt);
            }
        });
    // The one that fired, if any, is dropped outside the lock.
    state.withLock([&](State& s) {
        if (const auto open = s.open.value(id)) {
            std::swap(open->timer, timer);
        }
    });
}

void Approvals::Private::timerFired(const QString& id, TimeUs expiresAt)
{
    if (clock.nowUs() < expiresAt) {
        arm(id, expiresAt);
        return;
    }
    // The transaction finds out itself that the time is over.
    decide({.id = id,
            .state = ApprovalState::Expired,
            .by = QStringLiteral("expiry"),
            .note = {},
            .arguments = {},
            .argumentsPart = {}})
        .then([weak = weak_from_this(), id, expiresAt](Result<ApprovalInfo> outcome) {
            // A disk that is full now may have room later; until then the question is past its time
            // anyhow.
            const auto self = weak.lock();
            if (self && !outcome && outcome.error().code != ErrorCode::Conflict &&
                outcome.error().code != ErrorCode::NotFound) {
                Subscription timer = self->clock.after(
                    std::chrono::seconds(10), self->executor, [weak, id, expiresAt] {
                        if (auto again = weak.lock()) {
                            again->timerFired(id, expiresAt);
                        }
                    });
                self->state.withLock([&](State& s) {
                    if (const auto open = s.open.value(id)) {
                        std::swap(open->timer, timer);
                    }
                });
            }
        });
}

void Approvals::Private::notify(const ApprovalInfo& info)
{
    const auto listeners = state.withLock([](State& s) { return s.listeners; });
    for (const auto& listener : listeners) {
        const std::scoped_lock lock(listener->mutex);
        if (listener->active) {
            listener->executor->post([listener, info] {
                {
                    const std::scoped_lock guard(listener->mutex);
                    if (!listener->active) {
                        return;
                    }
                }
                listener->call(info);
            });
        }
    }
}

// On the writer's thread, after the commit: answers everybody who waits for this question.
void Approvals::Private::close(const QString& id, const Result<ApprovalInfo>& outcome)
{
    const auto open = state.withLock([&](State& s) { return s.open.take(id); });
    if (open) {
        for (const auto& waiter : open->waiters) {
            waiter.set(outcome);
        }
    }
}

Future<ApprovalInfo> Approvals::request(ApprovalInfo draft, Origin origin)
{
    draft.id = newId(QLatin1StringView("apr"));
    draft.agent = m->journal.agent();
    draft.state = ApprovalState::Waiting;
    draft.requestedAt = m->clock.nowUs();
    if (draft.expiresAt == 0) {
        draft.expiresAt = draft.requestedAt + m->timeToLive.count() * 1000;
    }
    Promise<ApprovalInfo> promise;
    auto future = promise.future();
    // What is shown is what is stored, so the secrets go out here already.
    QJsonObject payload = m->journal.redacted(toJson(draft));
    auto shown = protocol::fromJson<ApprovalInfo>(payload);
    if (!shown) {
        return Future<ApprovalInfo>::ready(std::unexpected(shown.error()));
    }
    const QByteArray bytes = compact(payload);
    if (bytes.size() <= inlineLimit) {
        m->ask(std::move(*shown), std::move(payload), origin, std::move(promise));
        return future;
    }
    m->journal.storePart(bytes).then([self = m,
                                      shown = std::move(*shown),
                                      payload = std::move(payload),
                                      origin = std::move(origin),
                                      promise = std::move(promise)](Result<QString> hash) mutable {
        if (!hash) {
            promise.set(std::unexpected(hash.error()));
            return;
        }
        payload.insert(QStringLiteral("whole"), *hash);
        self->ask(std::move(shown), std::move(payload), origin, std::move(promise));
    });
    return future;
}

void Approvals::Private::ask(ApprovalInfo info,
                             QJsonObject payload,
                             const Origin& origin,
                             Promise<ApprovalInfo> promise)
{
    journal
        .append({.kind = Kind::ApprovalRequested,
                 .process = info.process,
                 .cause = origin.cause,
                 .payload = std::move(payload),
                 .traceId = origin.traceId})
        .then([self = shared_from_this(), info = std::move(info), promise = std::move(promise)](
                  Result<Entry> entry) mutable {
            if (!entry) {
                promise.set(std::unexpected(entry.error()));
                return;
            }
            info.requestSeq = entry->seq;
            self->adopt(info);
            self->notify(info);
            promise.set(std::move(info));
        });
}

Future<ApprovalInfo> Approvals::settled(QString id)
{
    Promise<ApprovalInfo> promise;
    auto future = promise.future();
    const bool waits = m->state.withLock([&](State& state) {
        const auto open = state.open.value(id);
        if (open) {
            open->waiters.push_back(std::move(promise));
        }
        return bool(open);
    });
    if (waits) {
        return future;
    }
    auto info = get(id);
    if (info && info->state == ApprovalState::Waiting) {
        // Only when its question could not be read at the start.
        m->adopt(*info);
        return settled(std::move(id));
    }
    return Future<ApprovalInfo>::ready(std::move(info));
}

Future<ApprovalInfo> Approvals::settle(protocol::SettleApproval decision)
{
    return m->decide({
        .id = std::move(decision.id),
        .state = decision.accept ? ApprovalState::Accepted : ApprovalState::Rejected,
        .by = std::move(decision.by),
        .note = std::move(decision.note),
        .arguments = decision.accept ? std::move(decision.arguments) : std::nullopt,
        .argumentsPart = {},
    });
}

Future<ApprovalInfo> Approvals::withdraw(QString id, QString why)
{
    return m->decide({
        .id = std::move(id),
        .state = ApprovalState::Rejected,
        .by = QStringLiteral("signalbox"),
        .note = std::move(why),
        .arguments = {},
        .argumentsPart = {},
    });
}

Future<ApprovalInfo> Approvals::Private::decide(Decision decision)
{
    Promise<ApprovalInfo> promise;
    auto future = promise.future();
    if (decision.arguments) {
        const QByteArray bytes = compact(journal.redacted(*decision.arguments));
        if (bytes.size() > inlineLimit) {
            journal.storePart(bytes).then(
                [self = shared_from_this(),
                 decision = std::move(decision),
                 promise = std::move(promise)](Result<QString> hash) mutable {
                    if (!hash) {
                        promise.set(std::unexpected(hash.error()));
                        return;
                    }
                    decision.argumentsPart = *hash;
                    self->record(std::move(decision), std::move(promise));
                });
            return future;
        }
    }
    record(std::move(decision), std::move(promise));
    return future;
}

// One transaction looks whether the question still waits and settles it, so the first answer wins.
void Approvals::Private::record(Decision decision, Promise<ApprovalInfo> promise)
{
    const QString id = decision.id;
    journal
        .transact([self = shared_from_this(), decision = std::move(decision)](
                      journal::Transaction& transaction) mutable -> Result<Settling> {
            const auto read = [&]() -> QJsonObject {
                auto& row = transaction.connection().query("SELECT json FROM approval WHERE id = ?",
                                                           decision.id);
                QJsonObject json;
                if (row.executeStep()) {
                    json = QJsonDocument::fromJson(store::blob(row, 0)).object();
                }
                row.reset();
                return json;
            };
            const QJsonObject row = read();
            if (row.isEmpty()) {
                return fail(ErrorCode::NotFound,
                            QStringLiteral("There is no approval %1.").arg(decision.id));
            }
            if (row.value(QStringLiteral("state")).toString() != enumName(ApprovalState::Waiting)) {
                return Settling{row, false, true};
            }
            // A late answer finds the question expired, even when no timer has noticed yet.
            const bool late =
                self->clock.nowUs() >= row.value(QStringLiteral("expires_at")).toInteger();
            const bool refused = late && decision.state != ApprovalState::Expired;
            if (late) {
                decision = {.id = decision.id,
                            .state = ApprovalState::Expired,
                            .by = QStringLiteral("expiry"),
                            .note = {},
                            .arguments = {},
                            .argumentsPart = {}};
            }
            QJsonObject payload{
                {QStringLiteral("approval"), decision.id},
                {QStringLiteral("state"), enumName(decision.state)},
                {QStringLiteral("by"), decision.by},
                {QStringLiteral("note"), decision.note},
                {QStringLiteral("plan_hash"), row.value(QStringLiteral("plan_hash"))},
            };
            if (!decision.argumentsPart.isEmpty()) {
                payload.insert(QStringLiteral("whole_arguments"), decision.argumentsPart);
            } else if (decision.arguments) {
                payload.insert(QStringLiteral("arguments"), *decision.arguments);
            }
            const qint64 asked = row.value(QStringLiteral("request_seq")).toInteger();
            auto& question =
                transaction.connection().query("SELECT trace_id FROM entry WHERE seq = ?", asked);
            const QString traceId = question.executeStep() ? store::text(question, 0) : QString();
            question.reset();
            SB_CHECK(transaction.append({
                .kind = Kind::ApprovalSettled,
                .process = row.value(QStringLiteral("process")).toString(),
                .cause = QString::number(asked),
                .payload = std::move(payload),
                .traceId = traceId,
            }));
            return Settling{read(), true, refused};
        })
        .then([self = shared_from_this(), id, promise = std::move(promise)](
                  Result<Settling> outcome) {
            if (!outcome) {
                if (outcome.error().code == ErrorCode::NotFound) {
                    self->close(id, std::unexpected(outcome.error())); // erased while it waited
                }
                promise.set(std::unexpected(outcome.error()));
                return;
            }
            auto info = infoFrom(self->journal, outcome->row);
            self->close(id, info);
            if (info && outcome->changed) {
                self->notify(*info);
            }
            if (info && outcome->refused) {
                promise.set(fail(ErrorCode::Conflict, settledText(*info), id));
            } else {
                promise.set(std::move(info));
            }
        });
}

Result<QList<QJsonObject>> Approvals::Private::rows(const char* sql, const QString& id)
{
    return database.read([&](store::Connection& connection) -> Result<QList<QJsonObject>> {
        auto& statement = connection.prepare(sql);
        if (!id.isEmpty()) {
            store::bind(statement, 1, id);
        }
        QList<QJsonObject> list;
        while (list.size() < listed && statement.executeStep()) {
            list.append(QJsonDocument::fromJson(store::blob(statement, 0)).object());
        }
        return list;
    });
}

Result<QList<ApprovalInfo>> Approvals::list(bool all)
{
    SB_TRY(
        auto rows,
        m->rows(
            all ? "SELECT json FROM approval ORDER BY requested_at DESC, request_seq DESC"
                : "SELECT json FROM approval WHERE state = 'waiting' ORDER BY requested_at DESC, "
                  "request_seq DESC"));
    QList<ApprovalInfo> list;
    for (QJsonObject& row : rows) {
        SB_TRY(auto info, infoFrom(m->journal, std::move(row)));
        list.prepend(std::move(info));
    }
    return list;
}

Result<ApprovalInfo> Approvals::get(const QString& id)
{
    SB_TRY(const auto rows, m->rows("SELECT json FROM approval WHERE id = ?", id));
    if (rows.isEmpty() || id.isEmpty()) {
        return fail(ErrorCode::NotFound, QStringLiteral("There is no approval %1.").arg(id));
    }
    return infoFrom(m->journal, rows.first());
}

Subscription Approvals::onChanged(Executor& executor,
                                  std::function<void(const ApprovalInfo&)> listener)
{
    auto one = std::make_shared<Listener>();
    one->executor = &executor;
    one->call = std::move(listener);
    m->state.withLock([&](State& state) { state.listeners.push_back(one); });
    return Subscription([one, weak = std::weak_ptr(m)] {
        {
            const std::scoped_lock lock(one->mutex);
            one->active = false;
        }
        if (auto self = weak.lock()) {
            self->state.withLock([&](State& state) { state.listeners.remove(one); });
        }
    });
}

} // namespace sb::approvals
