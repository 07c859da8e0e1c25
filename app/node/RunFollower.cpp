#include "app/node/RunFollower.h"

#include <QJsonDocument>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace sb::node {

using protocol::Entry;
using protocol::Kind;
using protocol::Outcome;

namespace {

// After so long without a word, a look whether the run is still at work.
constexpr int quietMs = 1000;

QString field(const Entry& entry, const char* name)
{
    return entry.payload.value(QLatin1StringView(name)).toString();
}

QString indented(const QString& text)
{
    return QStringLiteral("    ") + QString(text).replace(u'\n', QStringLiteral("\n    "));
}

/// What a person at a terminal sees of an entry; empty: nothing.
QString lineFor(const Entry& entry)
{
    if (entry.kind == Kind::ProcessStarted && field(entry, "kind") != u"channel") {
        return QStringLiteral("▸ %1 %2: %3")
            .arg(field(entry, "kind"), entry.process, field(entry, "task"));
    }
    if (entry.kind == Kind::ProcessStatus && field(entry, "state").isEmpty() &&
        !entry.payload.contains(QStringLiteral("turn_open"))) {
        return QStringLiteral("  · %1").arg(field(entry, "status"));
    }
    if (entry.kind == Kind::ToolStarted && entry.process.startsWith(QLatin1StringView("wrk-")) &&
        field(entry, "tool") != u"set_status") {
        return QStringLiteral("  $ %1").arg(field(entry, "command"));
    }
    if (entry.kind == Kind::ToolResult && entry.payload.value(QStringLiteral("error")).toBool()) {
        return QStringLiteral("  ! %1").arg(field(entry, "text").left(600));
    }
    if (entry.kind == Kind::ApprovalRequested) {
        return QStringLiteral("  ? asks: %1").arg(field(entry, "command"));
    }
    if (entry.kind == Kind::ApprovalSettled) {
        return QStringLiteral("  = %1 by %2").arg(field(entry, "state"), field(entry, "by"));
    }
    if (entry.kind == Kind::ProcessEnded) {
        return QStringLiteral("◂ %1 %2").arg(entry.process, field(entry, "state"));
    }
    if (entry.kind == Kind::MessageSent) {
        return field(entry, "text");
    }
    if (entry.kind == Kind::Incident) {
        return QStringLiteral("! %1").arg(field(entry, "message"));
    }
    return {};
}

} // namespace

RunFollower::RunFollower(protocol::RuntimeClient& client, Executor& events, Options options)
    : m_client(client), m_options(options)
{
    (void)!::pipe2(m_wake, O_CLOEXEC | O_NONBLOCK);
    m_subscription = client.subscribe(events, [this](const protocol::Event& event) {
        {
            const std::scoped_lock lock(m_mutex);
            m_events.push_back(event);
        }
        const char byte = 1;
        (void)!::write(m_wake[1], &byte, 1);
    });
}

RunFollower::~RunFollower()
{
    m_subscription.reset();
    ::close(m_wake[0]);
    ::close(m_wake[1]);
}

bool RunFollower::belongs(const Entry& entry)
{
    if (entry.agent != m_agent) {
        return false;
    }
    if (m_processes.contains(entry.process)) {
        return true;
    }
    if (field(entry, "run") == m_run) {
        m_processes.insert(entry.process);
        return true;
    }
    return false;
}

void RunFollower::print(const Entry& entry) const
{
    if (m_options.json) {
        printJson(protocol::entryToJson(entry));
        return;
    }
    const QString line = lineFor(entry);
    if (!line.isEmpty()) {
        printLine(line.toUtf8());
    }
}

void RunFollower::take(const Entry& entry)
{
    if (m_finished || entry.agent != m_agent || entry.seq <= m_lastSeq) {
        return;
    }
    m_lastSeq = entry.seq;
    if (!belongs(entry)) {
        return;
    }
    print(entry);
    if (entry.kind == Kind::RunFinished && field(entry, "run") == m_run) {
        m_finished = entry;
    }
}

void RunFollower::catchUp()
{
    // Oldest first, page by page: what the events have not told (any more).
    for (bool more = true; more && !m_finished;) {
        protocol::QueryJournal query;
        query.agent = m_agent;
        query.after = m_lastSeq;
        query.limit = 500;
        QList<Entry> entries;
        // The query gives the newest first; go down until nothing is left between.
        for (;;) {
            auto page = m_client.request(query).wait();
            if (!page || page->entries.isEmpty()) {
                break;
            }
            entries += page->entries;
            if (!page->more) {
                break;
            }
            query.before = page->entries.last().seq;
        }
        for (auto it = entries.crbegin(); it != entries.crend(); ++it) {
            take(*it);
        }
        more = false;
    }
}

void RunFollower::ask(const protocol::ApprovalInfo& approval, EndSignal& end)
{
    QString text =
        QStringLiteral("\n%1 wants to: %2\n  risk: %3%4\n  asked by rule: %5\n")
            .arg(approval.process,
                 approval.command,
                 enumName(approval.risk),
                 approval.riskReasons.isEmpty()
                     ? QString()
                     : QStringLiteral(" (%1)").arg(approval.riskReasons.join(QStringLiteral("; "))),
                 approval.rule);
    if (!approval.diff.isEmpty()) {
        text += indented(approval.diff) + u'\n';
    }
    const QString address = protocol::addressOf(approval);
    const char* const prompt =
        address.isEmpty() ? "Accept? Type y or n, or write what to do instead: "
                          : "Accept? Type y (once), always, or n, or write what to do instead: ";
    std::fputs(text.toUtf8().constData(), stderr);
    std::fputs(prompt, stderr);
    std::fflush(stderr);
    QByteArray line;
    bool ended = false;
    for (;;) {
        pollfd waits[] = {
            {STDIN_FILENO, POLLIN, 0}, {end.descriptor(), POLLIN, 0}, {m_wake[0], POLLIN, 0}};
        if (::poll(waits, 3, -1) < 0) {
            continue;
        }
        if ((waits[1].revents & POLLIN) != 0) {
            return; // the caller cancels
        }
        if ((waits[2].revents & POLLIN) != 0) {
            char drained[256];
            while (::read(m_wake[0], drained, sizeof drained) > 0) {
            }
            if (isSettledElsewhere(approval.id)) {
                std::fputs("(answered elsewhere)\n", stderr);
                return;
            }
            if ((waits[0].revents & (POLLIN | POLLHUP)) == 0) {
                continue;
            }
        }
        char byte = 0;
        ended = ::read(STDIN_FILENO, &byte, 1) != 1;
        if (!ended && byte == '\n' && line.trimmed().isEmpty()) {
            std::fputs(prompt, stderr); // Return alone decides nothing
            std::fflush(stderr);
            continue;
        }
        if (ended || byte == '\n') {
            break;
        }
        line += byte;
    }
    protocol::SettleApproval settle;
    settle.id = approval.id;
    settle.by = QStringLiteral("terminal");
    const QString answer = QString::fromUtf8(line).trimmed();
    const auto is = [&](const QStringList& words) {
        return words.contains(answer, Qt::CaseInsensitive);
    };
    // What was begun and not sent off with Return is no answer.
    settle.accept = !ended && is({QStringLiteral("y"), QStringLiteral("yes")});
    if (!ended && !address.isEmpty() && is({QStringLiteral("always")})) {
        settle.accept = true;
        settle.arguments = protocol::addressArguments(address, true);
    }
    if (ended) {
        settle.note = QStringLiteral("The terminal was closed.");
    } else if (!settle.accept && !is({QStringLiteral("n"), QStringLiteral("no")})) {
        settle.note = answer;
    }
    auto settled = m_client.request(std::move(settle)).wait();
    if (!settled) {
        std::fprintf(stderr, "%s\n", settled.error().message.toUtf8().constData());
    }
}

bool RunFollower::isSettledElsewhere(const QString& id)
{
    const std::scoped_lock lock(m_mutex);
    return std::ranges::any_of(m_events, [&](const protocol::Event& event) {
        const auto* changed = std::get_if<protocol::ApprovalChanged>(&event);
        return changed != nullptr && changed->approval.id == id &&
               changed->approval.state != protocol::ApprovalState::Waiting;
    });
}

bool RunFollower::isIdle()
{
    auto snapshot = m_client.request(protocol::GetSnapshot{}).wait();
    if (!snapshot) {
        return true;
    }
    const auto found = std::ranges::find_if(snapshot->channels, [&](const auto& channel) {
        return channel.agent == m_agent && channel.id == m_run;
    });
    return found != snapshot->channels.cend() && found->running == 0 && found->waiting == 0;
}

Exit RunFollower::follow(const QString& agent, const QString& run, qint64 after, EndSignal& end)
{
    m_agent = agent;
    m_run = run;
    m_processes = {run};
    m_lastSeq = after;
    catchUp();
    bool cancelling = false;
    bool wasIdle = false;
    while (!m_finished) {
        pollfd waits[] = {{m_wake[0], POLLIN, 0}, {end.descriptor(), POLLIN, 0}};
        if (::poll(waits, 2, quietMs) == 0) {
            // A run whose end cannot be written down (the disk is full) never tells it.
            const bool idle = isIdle();
            catchUp();
            if (idle && wasIdle && !m_finished) {
                return complain({ErrorCode::DiskFull,
                                 QStringLiteral("The run stopped, and its end could not be written "
                                                "down; the disk may be full or failing."),
                                 {}},
                                m_options.json);
            }
            wasIdle = idle;
            continue;
        }
        wasIdle = false;
        if ((waits[1].revents & POLLIN) != 0) {
            char signal = 0;
            (void)!::read(end.descriptor(), &signal, 1);
            if (cancelling) {
                std::fputs("signalbox-node: left; what it did is taken up later.\n", stderr);
                return Exit::Failed;
            }
            cancelling = true;
            std::fputs("signalbox-node: cancelling …\n", stderr);
            protocol::CancelProcess cancel;
            cancel.agent = agent;
            cancel.process = run;
            cancel.by = QStringLiteral("a signal");
            (void)m_client.request(std::move(cancel)).wait();
        }
        char drained[256];
        while (::read(m_wake[0], drained, sizeof drained) > 0) {
        }
        std::deque<protocol::Event> events;
        {
            const std::scoped_lock lock(m_mutex);
            events.swap(m_events);
        }
        for (const auto& event : events) {
            if (const auto* appended = std::get_if<protocol::EntryAppended>(&event)) {
                if (appended->entry.agent == m_agent && appended->entry.seq > m_lastSeq + 1) {
                    catchUp(); // one was skipped: read it, so that the order holds
                }
                take(appended->entry);
            } else if (std::holds_alternative<protocol::Lagged>(event)) {
                catchUp();
                if (auto ping = m_client.request(protocol::Ping{}).wait(); !ping) {
                    return complain(ping.error(), m_options.json);
                }
            } else if (const auto* changed = std::get_if<protocol::ApprovalChanged>(&event);
                       changed != nullptr && m_options.asksPerson &&
                       changed->approval.run == m_run) {
                m_toAsk.removeIf([&](const auto& one) { return one.id == changed->approval.id; });
                if (changed->approval.state == protocol::ApprovalState::Waiting) {
                    m_toAsk.append(changed->approval);
                }
            }
        }
        // Only now, when all is read that came with the question: it may be settled already.
        if (!m_toAsk.isEmpty() && !m_finished && !cancelling) {
            ask(m_toAsk.takeFirst(), end);
            const char byte = 1;
            (void)!::write(m_wake[1], &byte, 1); // what came meanwhile is still to be read
        }
    }
    const QString outcome = field(*m_finished, "outcome");
    if (!m_options.json) {
        std::fprintf(stderr, "%s\n", outcome.toUtf8().constData());
    }
    switch (
        protocol::enumFromName(outcome, static_cast<Outcome*>(nullptr)).value_or(Outcome::Failed)) {
    case Outcome::Succeeded:
        return Exit::Succeeded;
    case Outcome::Failed:
    case Outcome::Cancelled:
        return Exit::Failed;
    case Outcome::WaitingApproval:
        return Exit::WaitsForApproval;
    }
    return Exit::Failed;
}

} // namespace sb::node
