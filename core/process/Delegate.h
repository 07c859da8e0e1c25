#pragma once
#include "core/process/Process.h"

namespace sb::process {

/// A process with one task and an owner that gets its result: what branches and workers have in
/// common.
class Delegate : public Process
{
public:
    Delegate(Host& host, protocol::ProcessInfo info, QString run, bool interactive);
    void deliver(Mail mail) override;
    /// Works until it has a result, fails or is stopped; then the host takes it down.
    QCoro::Task<> body();
    /// Somebody that it waited for is gone: it looks again whether it is through.
    void nudge();

protected:
    [[nodiscard]] virtual int stepLimit() const = 0;
    /// It has said its last word for now, but others of its own still work for it.
    [[nodiscard]] virtual bool awaitsOthers() const { return false; }

private:
    struct End
    {
        protocol::ProcessState state = protocol::ProcessState::Failed;
        QString result;
        bool isKnown = false; ///< its owner was told already
    };
    QCoro::Task<Result<End>> work();
    QCoro::Task<Result<>> waitForMail(std::optional<Milliseconds> atMost);
    QCoro::Task<Result<>> report(const QString& text);
    /// Where a text comes from that it hands on.
    QCoro::Task<Result<QList<taint::Source>>> sourcesOf(QString text, QString what);

    bool m_interactive;
    bool m_hasReported = false;
    std::optional<Promise<>> m_wake;
};

/// Thinks one question through with a copy of its channel's conversation.
class Branch final : public Delegate
{
public:
    using Delegate::Delegate;

protected:
    [[nodiscard]] QString instructions() const override;
    [[nodiscard]] int stepLimit() const override;
    [[nodiscard]] bool awaitsOthers() const override;
};

/// Carries out one task in the workspace.
class Worker final : public Delegate
{
public:
    using Delegate::Delegate;

protected:
    [[nodiscard]] QString instructions() const override;
    [[nodiscard]] int stepLimit() const override;
};

} // namespace sb::process
