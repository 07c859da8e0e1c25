#pragma once
#include <QHash>
#include <QJsonObject>
#include <QList>
#include <QString>

namespace sb::process {

/// Notices a model that goes round in circles: the same call again and again, or two calls in turn.
class LoopGuard
{
public:
    static constexpr int warnAt = 4;
    static constexpr int stopAt = 7;

    enum class Verdict { Fine, Warn, Stop };
    /// Counts a call. Identical means the same tool with the same arguments, among the last 24
    /// calls.
    Verdict count(const QString& tool, const QJsonObject& arguments);
    /// What the model is told at a warning.
    [[nodiscard]] static QString warning();

private:
    [[nodiscard]] int alternations() const;
    QList<size_t> m_recent; ///< hashes of the last calls, oldest first
};

} // namespace sb::process
