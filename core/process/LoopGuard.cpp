#include "core/process/LoopGuard.h"

#include <QJsonDocument>

namespace sb::process {

namespace {
constexpr qsizetype window = 24;
}

LoopGuard::Verdict LoopGuard::count(const QString& tool, const QJsonObject& arguments)
{
    m_recent.append(qHash(tool.toUtf8() + QJsonDocument(arguments).toJson(QJsonDocument::Compact)));
    if (m_recent.size() > window) {
        m_recent.removeFirst();
    }
    const int same = std::max(int(m_recent.count(m_recent.last())), alternations());
    if (same >= stopAt) {
        return Verdict::Stop;
    }
    return same >= warnAt ? Verdict::Warn : Verdict::Fine;
}

void LoopGuard::note(const QString& result)
{
    if (m_recent.isEmpty()) {
        return;
    }
    const size_t call = m_recent.last();
    const size_t hash = qHash(result);
    const auto before = m_results.constFind(call);
    if (before != m_results.constEnd() && *before != hash) {
        m_recent.removeAll(call);
        m_recent.append(call);
    }
    m_results.insert(call, hash);
}

int LoopGuard::alternations() const
{
    // A B A B …: how often the pair at the end has followed itself without a break.
    const qsizetype size = m_recent.size();
    if (size < 4 || m_recent[size - 1] == m_recent[size - 2]) {
        return 1;
    }
    qsizetype length = 2;
    while (length < size && m_recent[size - 1 - length] == m_recent[size - 1 - length + 2]) {
        ++length;
    }
    return int(length / 2);
}

QString LoopGuard::warning()
{
    return QStringLiteral(
        "\n[You have made this same call several times with the same arguments. Do something else, "
        "or say what stands in the way; a few more repetitions end this task.]");
}

} // namespace sb::process
