#pragma once
#include "core/process/Process.h"
#include "core/protocol/Memory.h"

namespace sb::process {

/// "user", "agent", "tool": who says a message, for a model that reads it as text.
QString roleName(llm::Role role);

/// Summarises the oldest part of another process's history in the background. The old messages
/// leave only once the summary is stored.
class Compactor final : public Process
{
public:
    /// How full the window is.
    enum class Tier {
        Early,    ///< 80 %: room is made while there is time
        Pressing, ///< 85 %: more of it
        Emergency ///< 95 %: at once, without a model
    };
    /// Nothing below 80 %.
    static std::optional<Tier> tierOf(qint64 tokens, qint64 window);

    Compactor(Host& host, protocol::ProcessInfo info, QString run, QString target, Tier tier);
    void deliver(Mail) override {}
    QCoro::Task<> body();
    /// There is no room left to wait for a model: what is there must do.
    void hurry();

    /// How many messages of a history to summarise: a share of its text that grows with the tier,
    /// never a call without its results, and at least the last four stay. 0 when nothing can go.
    static qsizetype cut(const QList<Remembered>& history, Tier tier);

    /// What a summariser's answer holds: the summary, and what it found worth remembering.
    struct Answer
    {
        struct Fact
        {
            protocol::MemoryType type;
            QString text;
            bool operator==(const Fact&) const = default;
        };
        QString summary;
        QList<Fact> facts;
    };
    /// Takes an answer apart. The section "## Facts to remember" may only hold lines such as
    /// "- preference: Anna drinks tea."; where anything else stands in it, none of it is taken.
    static Answer parse(const QString& text);

protected:
    [[nodiscard]] QString instructions() const override;

private:
    QCoro::Task<Result<>> summarise();
    /// Saves what the summary would lose; answers with what became of it, in words.
    QCoro::Task<QString> flush(QList<Answer::Fact> facts, taint::Context covering, qint64 cause);

    QString m_target;
    Tier m_tier;
    bool m_isHurried = false;
};

} // namespace sb::process
