#pragma once
#include "core/runtime/Runtime.h"
#include "tests/support/ScriptedModel.h"

#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QTest>

namespace sb::test {

/// A whole instance in a folder of its own, with the scripted model behind it. It can be closed and
/// opened again, as a restart of the program would.
class Instance
{
public:
    explicit Instance(Clock& clock = systemClock()) : m_clock(clock) { writeConfig({}); }
    ~Instance() { close(); }
    Instance(const Instance&) = delete;
    Instance& operator=(const Instance&) = delete;

    static Clock& systemClock()
    {
        static SystemClock clock;
        return clock;
    }

    QString folder() const { return m_folder.path(); }
    QString workspace() const { return m_folder.path() + QStringLiteral("/workspace"); }
    runtime::Home home() const
    {
        return runtime::Home::locate(m_folder.path() + QStringLiteral("/home"));
    }

    /// The agent "assistant" on the scripted model; `policy` holds further lines of its `policy:`
    /// list.
    void writeConfig(const QStringList& policy, const QString& more = {})
    {
        QDir().mkpath(workspace());
        QDir().mkpath(home().data);
        QString text = QStringLiteral("models:\n"
                                      "  providers:\n"
                                      "    - {id: local, api: openai-chat, base_url: \"%1\"}\n"
                                      "  routes: {default: local/m}\n"
                                      "agents:\n"
                                      "  - id: assistant\n"
                                      "    workspace: %2\n")
                           .arg(model.openAiUrl(), workspace());
        text += more;
        if (!policy.isEmpty()) {
            text += QStringLiteral("    policy:\n");
            for (const QString& rule : policy) {
                text += QStringLiteral("      - ") + rule + u'\n';
            }
        }
        QFile file(home().config);
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(text.toUtf8());
    }

    void write(const QString& name, const QByteArray& content) const
    {
        QFile file(workspace() + u'/' + name);
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(content);
    }
    QByteArray read(const QString& name) const
    {
        QFile file(workspace() + u'/' + name);
        return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
    }

    runtime::Runtime& open(bool takeUp = true)
    {
        auto opened =
            runtime::Runtime::open({home(),
                                    QStringLiteral("run"),
                                    QStringLiteral(SB_BIN_DIR "/signalbox-sandbox-helper"),
                                    true},
                                   m_clock);
        if (!opened) {
            qFatal("%s", qPrintable(opened.error().message));
        }
        m_runtime = std::move(*opened);
        if (takeUp) {
            (void)m_runtime->takeUp().wait();
        }
        return *m_runtime;
    }
    /// Before it closes, the record must be sound, and what processes work with must be what it
    /// says.
    void close()
    {
        if (!m_runtime) {
            return;
        }
        const auto verified = ask(protocol::VerifyJournal{});
        QVERIFY2(verified, verified ? "" : qPrintable(verified.error().message));
        for (const auto& report : verified->reports) {
            QVERIFY2(report.ok, qPrintable(report.message));
        }
        m_runtime.reset();
    }
    runtime::Runtime& runtime() { return *m_runtime; }

    template <class C>
    Result<typename C::Reply> ask(C command)
    {
        return m_runtime->request(std::move(command)).wait();
    }

    qint64 say(const QString& channel, const QString& text)
    {
        protocol::SendMessage message;
        message.agent = QStringLiteral("assistant");
        message.channel = channel;
        message.text = text;
        message.from = QStringLiteral("you");
        auto sent = ask(std::move(message));
        return sent ? sent->seq : -1;
    }

    Result<protocol::StartRun::Reply>
    run(const QString& task,
        protocol::ApproveMode approve = protocol::ApproveMode::Ask,
        bool unattended = false)
    {
        protocol::StartRun command;
        command.agent = QStringLiteral("assistant");
        command.task = task;
        command.approve = approve;
        command.unattended = unattended;
        return ask(std::move(command));
    }

    /// The journal, oldest first; of the given kind only, when one is named.
    QList<protocol::Entry> entries(const QString& kind = {})
    {
        protocol::QueryJournal query;
        query.agent = QStringLiteral("assistant");
        query.limit = 1000;
        if (!kind.isEmpty()) {
            query.kinds = {kind};
        }
        auto reply = ask(std::move(query));
        QList<protocol::Entry> entries = reply ? reply->entries : QList<protocol::Entry>();
        std::ranges::reverse(entries);
        return entries;
    }
    QStringList sent(const QString& channel)
    {
        QStringList texts;
        for (const auto& entry : entries(QStringLiteral("message.sent"))) {
            if (entry.payload.value(QStringLiteral("channel")).toString() == channel) {
                texts.append(entry.payload.value(QStringLiteral("text")).toString());
            }
        }
        return texts;
    }
    QString outcome(const QString& run)
    {
        QString outcome;
        for (const auto& entry : entries(QStringLiteral("run.finished"))) {
            if (entry.payload.value(QStringLiteral("run")).toString() == run) {
                outcome = entry.payload.value(QStringLiteral("outcome")).toString();
            }
        }
        return outcome;
    }
    QList<protocol::ApprovalInfo> waiting()
    {
        auto reply = ask(protocol::ListApprovals{});
        return reply ? reply->approvals : QList<protocol::ApprovalInfo>();
    }

    ScriptedModel model;

private:
    Clock& m_clock;
    QTemporaryDir m_folder;
    std::unique_ptr<runtime::Runtime> m_runtime;
};

/// Matches requests of a kind of process, by a tool that only it has.
inline Matcher fromChannel()
{
    return hasTool(QStringLiteral("branch"));
}
inline Matcher fromWorker()
{
    return hasTool(QStringLiteral("shell"));
}
inline Matcher fromBranch()
{
    return hasTool(QStringLiteral("channel_recall"));
}

} // namespace sb::test
