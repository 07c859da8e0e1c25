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
    /// What the counted call came to. One that comes to something else than the time before is no
    /// repetition.
    void note(const QString& result);
    /// What the model is told at a warning.
    [[nodiscard]] static QString warning();

private:
    [[nodiscard]] int alternations() const;
    QHash<size_t, size_t> m_results; ///< of each call, the last result's hash
    QList<size_t> m_recent;          ///< hashes of the last calls, oldest first
};

} // namespace sb::process
