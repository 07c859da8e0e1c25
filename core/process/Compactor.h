#pragma once
#include "core/process/Process.h"

namespace sb::process {

/// Summarises the oldest part of another process's history in the background. The old messages
/// leave only once the summary is stored.
class Compactor final : public Process
{
public:
    Compactor(Host& host, protocol::ProcessInfo info, QString run, QString target);
    void deliver(Mail) override {}
    QCoro::Task<> body();

    /// How many messages of a history to summarise: about half of its text, never a call without
    /// its results, and at least the last four stay. 0 when nothing can go.
    static qsizetype cut(const QList<Remembered>& history);

protected:
    [[nodiscard]] QString instructions() const override;

private:
    QCoro::Task<Result<>> summarise();
    QString m_target;
};

} // namespace sb::process
