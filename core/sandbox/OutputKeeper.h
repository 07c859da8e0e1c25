#pragma once
#include <QByteArray>
#include <QString>

namespace sb::sandbox {

/// Keeps the beginning and the end of what a command prints, in bounded memory however much it
/// prints.
class OutputKeeper
{
public:
    explicit OutputKeeper(qint64 capacity);
    void append(QByteArrayView bytes);
    [[nodiscard]] qint64 total() const { return m_total; }
    /// What was kept, filtered, with a line in between that says how much was left out.
    [[nodiscard]] QString text() const;

private:
    qsizetype m_headCapacity;
    qsizetype m_tailCapacity;
    QByteArray m_head;
    QByteArray m_tail; ///< up to twice its capacity, so that it is seldom moved
    qint64 m_total = 0;
};

} // namespace sb::sandbox
