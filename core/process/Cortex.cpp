#include "core/process/Cortex.h"

#include "core/base/Ids.h"
#include "core/process/Host.h"
#include "core/store/Rows.h"

namespace sb::process {

using protocol::Entry;
using protocol::Kind;
using protocol::ProcessKind;

namespace {

/// How long it is quiet after a change before the bulletin is written again, and how long a run of
/// changes can put that off.
constexpr Milliseconds rewriteQuiet{1500};
constexpr qint64 rewriteCapUs = 15'000'000;
/// The same for the model, which costs something.
constexpr Milliseconds polishQuiet{60'000};
constexpr qint64 polishCapUs = 600'000'000;
constexpr Milliseconds tidyEvery{3'600'000};
constexpr Milliseconds tidyAfterIngestion{30'000};
/// After midnight, so that what was said at the last moment is written down.
constexpr Milliseconds dayGrace{60'000};

QString taskOf(Cortex::Job job)
{
    switch (job) {
    case Cortex::Job::Days:
        return QStringLiteral("Sum up a day");
    case Cortex::Job::Tidy:
        return QStringLiteral("Tidy the memory");
    case Cortex::Job::Rewrite:
    case Cortex::Job::Polish:
        return QStringLiteral("Write the bulletin");
    }
    return {};
}

} // namespace

void Cortex::begin()
{
    if (m_host.m.mind != nullptr) {
        m_entries = m_host.m.journal.subscribe(
            m_here, [this](const QList<Entry>& entries) { heard(entries); });
    }
}

void Cortex::leave()
{
    m_hasLeft = true;
    m_entries.reset();
    m_rewrite.reset();
    m_polish.reset();
    m_tidy.reset();
    m_day.reset();
}

void Cortex::heard(const QList<Entry>& entries)
{
    for (const Entry& entry : entries) {
        if (entry.kind == Kind::MemoryChanged) {
            if (entry.payload.contains(u"bulletin")) {
                m_host.m_bulletinSeq = entry.seq;
                continue;
            }
            m_host.m.executor.post([this,
                                    seq = entry.seq,
                                    isOwn = entry.payload.value(u"by").toString() == u"cortex",
                                    isIngested = entry.payload.contains(u"ingested")] {
                memoryChanged(seq, isOwn, isIngested);
            });
        } else if (entry.kind == Kind::PayloadErased) {
            m_host.m_bulletinSeq = -1; // what was erased may stand in it
            m_host.m.executor.post(
                [this, cause = QString::number(entry.seq)] { rewriteSoon(cause); });
        } else if (entry.kind == Kind::MessageReceived && !m_isDayArmed.exchange(true)) {
            m_host.m.executor.post([this] { armDay(); });
        }
    }
}

void Cortex::memoryChanged(qint64 seq, bool isOwn, bool isIngested)
{
    if (m_hasLeft) {
        return;
    }
    const QString cause = QString::number(seq);
    rewriteSoon(cause);
    if (isIngested) {
        m_tidy = m_host.m.clock.after(
            tidyAfterIngestion, m_host.m.executor, [this, cause] { want(Job::Tidy, cause); });
    } else if (!isOwn && !m_tidy) {
        m_tidy = m_host.m.clock.after(
            tidyEvery, m_host.m.executor, [this, cause] { want(Job::Tidy, cause); });
    }
}

void Cortex::rewriteSoon(const QString& cause)
{
    if (m_hasLeft) {
        return;
    }
    const qint64 now = m_host.m.clock.steadyUs();
    if (m_rewriteSince == 0) {
        m_rewriteSince = now;
    }
    if (m_rewrite && now - m_rewriteSince > rewriteCapUs) {
        return; // it waited long enough
    }
    m_rewrite = m_host.m.clock.after(rewriteQuiet, m_host.m.executor, [this, cause] {
        m_rewriteSince = 0;
        want(Job::Rewrite, cause);
    });
    if (!m_host.m.settings().cortexHasModel) {
        return;
    }
    if (m_polishSince == 0) {
        m_polishSince = now;
    }
    if (m_polish && now - m_polishSince > polishCapUs) {
        return;
    }
    m_polish = m_host.m.clock.after(polishQuiet, m_host.m.executor, [this, cause] {
        m_polishSince = 0;
        want(Job::Polish, cause);
    });
}

void Cortex::armDay()
{
    if (m_hasLeft) {
        return;
    }
    const TimeUs now = m_host.m.clock.nowUs();
    const TimeUs tomorrow = dayStart(now) + 24LL * 3600 * 1'000'000;
    m_day = m_host.m.clock.after(
        Milliseconds((tomorrow - now) / 1000) + dayGrace, m_host.m.executor, [this] {
            m_isDayArmed = false;
            want(Job::Days, {});
        });
}

void Cortex::wake()
{
    if (m_host.m.mind == nullptr || m_hasLeft) {
        return;
    }
    struct Left
    {
        QList<qint64> open; ///< started_seq of works that never ended
        QStringList ids;
        qint64 newest = 0; ///< seq of the newest version of a memory
        qint64 bulletin = 0;
        bool isDirty = false; ///< changed since it was tidied
        bool hasDays = false;
    };
    auto reading = runOn(m_host.m.pool, [this]() -> Result<Left> {
        return m_host.m.database.read([&](store::Connection& connection) -> Result<Left> {
            Left left;
            TimeUs changed = 0;
            TimeUs tidied = 0;
            store::forEachRow(
                connection,
                "SELECT id, started_seq FROM process WHERE kind = 'cortex' AND ended_at = 0",
                [&](SQLite::Statement& row) {
                    left.ids.append(store::text(row, 0));
                    left.open.append(store::integer(row, 1));
                });
            store::forEachRow(connection,
                              "SELECT max(seq), max(known_from) FROM memory",
                              [&](SQLite::Statement& row) {
                                  left.newest = store::integer(row, 0);
                                  changed = store::integer(row, 1);
                              });
            store::forEachRow(
                connection, "SELECT max(seq) FROM bulletin", [&](SQLite::Statement& row) {
                    left.bulletin = store::integer(row, 0);
                });
            store::forEachRow(
                connection,
                "SELECT max(ended_at) FROM process WHERE kind = 'cortex' AND task = ?",
                [&](SQLite::Statement& row) { tidied = store::integer(row, 0); },
                taskOf(Job::Tidy));
            left.isDirty = changed > tidied;
            SB_TRY(const auto days, readDaysDue(connection, m_host.m.clock.nowUs()));
            left.hasDays = !days.isEmpty();
            return left;
        });
    });
    std::move(reading).then(m_host.m.executor, [this](Result<Left> left) {
        if (!left || m_hasLeft) {
            return;
        }
        for (qsizetype i = 0; i < left->ids.size(); ++i) {
            journal::NewEntry note;
            note.kind = Kind::ProcessEnded;
            note.process = left->ids[i];
            note.cause = QString::number(left->open[i]);
            note.payload = {{QStringLiteral("kind"), enumName(ProcessKind::Cortex)},
                            {QStringLiteral("state"), QStringLiteral("interrupted")},
                            {QStringLiteral("result"), QStringLiteral("The program stopped.")}};
            (void)m_host.m.journal.append(std::move(note));
        }
        if (left->hasDays) {
            want(Job::Days, {});
        }
        if (left->newest > left->bulletin) {
            rewriteSoon(QString::number(left->newest));
        }
        if (left->isDirty && !m_tidy) {
            const QString cause = QString::number(left->newest);
            m_tidy = m_host.m.clock.after(
                tidyEvery, m_host.m.executor, [this, cause] { want(Job::Tidy, cause); });
        }
    });
}

void Cortex::want(Job job, const QString& cause)
{
    if (job == Job::Tidy) {
        m_tidy.reset();
    } else if (job == Job::Rewrite) {
        m_rewrite.reset();
    } else if (job == Job::Polish) {
        m_polish.reset();
    }
    m_wanted[size_t(job)] = cause;
    next();
}

void Cortex::next()
{
    if (m_isWorking || m_hasLeft) {
        return;
    }
    for (size_t i = 0; i < jobs; ++i) {
        if (const auto cause = std::exchange(m_wanted[i], std::nullopt)) {
            m_isWorking = true;
            protocol::ProcessInfo info;
            info.agent = m_host.m.journal.agent();
            info.id = newId(QLatin1StringView("ctx"));
            info.kind = ProcessKind::Cortex;
            info.task = taskOf(Job(i));
            info.startedAt = m_host.m.clock.nowUs();
            m_host.start(std::make_unique<CortexWork>(m_host, std::move(info), Job(i), *cause));
            return;
        }
    }
}

void Cortex::through()
{
    // In a job of its own, behind the one that takes the work down.
    m_host.m.executor.post([this] {
        m_isWorking = false;
        next();
    });
}

void Cortex::tellStall(const Process& process)
{
    const auto& info = process.info();
    const QString what = info.task.isEmpty()
                             ? QString()
                             : QStringLiteral(" (%1)").arg(info.task.simplified().left(160));
    journal::NewEntry started;
    started.kind = Kind::ProcessStarted;
    started.process = newId(QLatin1StringView("ctx"));
    started.cause = process.history().isEmpty() ? QString::number(info.startedSeq)
                                                : QString::number(process.history().last().seq);
    started.payload = {
        {QStringLiteral("kind"), enumName(ProcessKind::Cortex)},
        {QStringLiteral("run"), QString()},
        {QStringLiteral("task"), QStringLiteral("Look after processes that stand still")},
        {QStringLiteral("parent"), QString()},
        {QStringLiteral("channel"), QString()}};
    journal::NewEntry ended;
    ended.kind = Kind::ProcessEnded;
    ended.process = started.process;
    ended.payload = {
        {QStringLiteral("kind"), enumName(ProcessKind::Cortex)},
        {QStringLiteral("state"), QStringLiteral("succeeded")},
        {QStringLiteral("stalled"), info.id},
        {QStringLiteral("result"),
         QStringLiteral(
             "%1 %2%3 made no progress for %4 s, so it was stopped with all that it ran.")
             .arg(enumName(info.kind), info.id, what)
             .arg(m_host.m.settings().stall.count() / 1000)}};
    (void)m_host.m.journal.transact(
        [started = std::move(started),
         ended = std::move(ended)](journal::Transaction& transaction) mutable -> Result<qint64> {
            SB_TRY(const auto begun, transaction.append(std::move(started)));
            ended.cause = QString::number(begun.seq);
            SB_TRY(const auto written, transaction.append(std::move(ended)));
            return written.seq;
        });
}

} // namespace sb::process
