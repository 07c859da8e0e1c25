#pragma once
#include "core/journal/Journal.h"
#include "core/llm/Provider.h"
#include "core/protocol/Values.h"
#include "core/taint/Context.h"

namespace sb::process {

/// Folds the journal into the tables that processes work with: channels, processes, mailbox,
/// history, runs, transcript, and what the workspace's files are known to hold.
class ProcessProjection final : public journal::Projection
{
public:
    [[nodiscard]] QList<Table> tables() const override;
    Result<> apply(store::Connection& connection, const protocol::Entry& entry) override;
    [[nodiscard]] QJsonObject kept(const protocol::Entry& entry) const override;
    Result<> erase(store::Connection& connection, const protocol::Entry& entry) override;
};

/// One row of the mailbox: what its owner's model will read.
struct Mail
{
    qint64 seq = 0;
    QString owner;
    QString kind; ///< "message" or "result"
    llm::Message message;
    QString part; ///< a message too large for a row: the hash of the journal's part that holds it
};

struct OpenCall
{
    QString call;
    qint64 callSeq = 0;
    qint64 startedSeq = 0; ///< 0: its effect has not begun
    QString approval;
    QJsonObject arguments; ///< those that it began with, where a person had changed them
};

/// A message of a history with the seq of the entry that added it.
struct Remembered
{
    qint64 seq = 0;
    llm::Message message;
    QString part = {}; ///< as in Mail
    /// Made when the gate first asks; shared with the histories of branches.
    std::shared_ptr<const taint::Fingerprint> fingerprint = {};
};

/// A summary that stands for the oldest part of a history; the messages themselves stay in the
/// tables.
struct Checkpoint
{
    qint64 seq = 0;         ///< of the history.compacted
    qint64 through = 0;     ///< seq of the last message that it covers
    qsizetype messages = 0; ///< how many it covers that no earlier one does
};

struct RunInfo
{
    QString id;
    QString channel;
    QString task;
    protocol::ApproveMode approve = protocol::ApproveMode::Ask;
    bool unattended = false;
    qint64 startedSeq = 0;
    qint64 finishedSeq = 0; ///< 0 while it goes on
    QString outcome;
    QString text;
};

// Readings of those tables. Each runs on the connection's thread.
Result<std::optional<protocol::ChannelInfo>> readChannel(store::Connection& connection,
                                                         const QString& id);
Result<QList<protocol::ChannelInfo>> readChannels(store::Connection& connection, int limit);
Result<std::optional<protocol::ProcessInfo>> readProcess(store::Connection& connection,
                                                         const QString& id);
/// Those that live, oldest first, of one channel or (empty) of all.
Result<QList<protocol::ProcessInfo>> readOpenProcesses(store::Connection& connection,
                                                       const QString& channel);
/// Branches, workers and compactors, newest first, ended ones as well.
Result<QList<protocol::ProcessInfo>> readRecentProcesses(store::Connection& connection, int limit);
/// The process that a tool.call of the parent had started already; empty: none.
Result<QString>
readProcessOfCall(store::Connection& connection, const QString& parent, qint64 callSeq);
Result<bool> readInteractive(store::Connection& connection, const QString& process);
Result<QList<Mail>> readMail(store::Connection& connection, const QString& owner);
/// Channels with something left to do: an open turn, untaken mail, living processes, an unfinished
/// run.
Result<QStringList> readUnfinishedChannels(store::Connection& connection);
/// Whether a turn of the channel had begun and not ended.
Result<bool> readTurnOpen(store::Connection& connection, const QString& channel);
/// Of one channel, newest first, for its status block.
Result<QList<protocol::ProcessInfo>>
readEndedProcesses(store::Connection& connection, const QString& channel, int limit);
/// What a process's model has before it: the newest summary, if any, then the messages after it. A
/// branch starts with its parent's history as it stood when it was forked.
struct History
{
    QString summary;
    QList<taint::Source> summarySources; ///< of all that it covers
    QList<Checkpoint> checkpoints;       ///< oldest first
    QList<Remembered> messages;
};
Result<History> readHistory(store::Connection& connection, const QString& process);
/// The messages that a summary stands for and no earlier one does, in order. NotFound when the
/// process has no such summary.
Result<QList<Remembered>>
readCheckpoint(store::Connection& connection, const QString& process, qint64 seq);
/// Where the task of a process came from, as its first message tells.
Result<QList<taint::Source>> readTaskSources(store::Connection& connection, const QString& process);
/// What was written into the file at an absolute path, and from where: known by its path, or as a
/// copy by its content. Reads the file when something is known of any content.
Result<QList<taint::Source>> readFileSources(store::Connection& connection, const QString& path);
Result<QList<OpenCall>> readOpenCalls(store::Connection& connection, const QString& process);
Result<std::optional<RunInfo>> readRun(store::Connection& connection, const QString& id);
Result<std::optional<RunInfo>> readRunOfChannel(store::Connection& connection,
                                                const QString& channel);
Result<QList<RunInfo>> readOpenRuns(store::Connection& connection);
Result<protocol::GetTranscript::Reply>
readTranscript(store::Connection& connection, const QString& channel, qint64 before, int limit);
/// The transcript item that an entry made or changed, if any.
Result<std::optional<std::pair<QString, protocol::TranscriptItem>>>
readItemOf(store::Connection& connection, const protocol::Entry& entry);
/// Messages of a channel whose text holds all the words, newest first: "seq author: text".
Result<QStringList> searchChannel(store::Connection& connection,
                                  const QString& channel,
                                  const QString& words,
                                  int limit);
/// Micro-USD spent on a day ("2026-11-20", UTC), and whether any model that was used had a price.
Result<std::pair<qint64, bool>> readCost(store::Connection& connection, const QString& day);

} // namespace sb::process
