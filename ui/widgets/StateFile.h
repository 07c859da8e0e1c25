#pragma once
#include <QJsonObject>
#include <QObject>
#include <QString>
#include <QTimer>
#include <memory>

namespace sb::widgets {

/// A small JSON file with the state of a part of the window. Reading is done once; writing happens
/// away from the GUI thread, at most 0.7 s after a change, through a temporary file, so that a
/// crash never leaves half of it.
class StateFile final : public QObject
{
    Q_OBJECT
public:
    explicit StateFile(const QString& path, QObject* parent = nullptr);
    /// Writes what is not written yet.
    ~StateFile() override;

    [[nodiscard]] const QJsonObject& values() const { return m_values; }
    void set(const QString& key, const QJsonValue& value); ///< Undefined removes it

private:
    struct Writer;
    void save();

    QJsonObject m_values;
    QTimer m_timer;
    std::shared_ptr<Writer> m_writer; // shared with the writing job
};

} // namespace sb::widgets
