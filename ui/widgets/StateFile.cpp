#include "ui/widgets/StateFile.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QJsonDocument>
#include <QSaveFile>
#include <QThreadPool>
#include <mutex>

namespace sb::widgets {

struct StateFile::Writer
{
    std::mutex waiting;
    std::mutex writing;
    std::optional<QByteArray> next; // under waiting
    QString path;

    void write()
    {
        const std::scoped_lock one(writing); // in order, one at a time
        std::optional<QByteArray> bytes;
        {
            const std::scoped_lock lock(waiting);
            bytes.swap(next);
        }
        if (!bytes) {
            return; // a job before this one wrote the newest already
        }
        QDir().mkpath(QFileInfo(path).path());
        QSaveFile file(path);
        // A full disk costs only the memory of where a window was; the next change tries again.
        if (file.open(QIODevice::WriteOnly)) {
            file.write(*bytes);
            file.commit();
        }
    }
};

StateFile::StateFile(const QString& path, QObject* parent)
    : QObject(parent), m_writer(std::make_shared<Writer>())
{
    m_writer->path = path;
    QFile file(path);
    if (file.open(QIODevice::ReadOnly)) {
        m_values = QJsonDocument::fromJson(file.read(16 * 1024 * 1024)).object();
    }
    m_timer.setSingleShot(true);
    m_timer.setInterval(700);
    connect(&m_timer, &QTimer::timeout, this, [this] { save(); });
}

StateFile::~StateFile()
{
    if (m_timer.isActive()) {
        const std::scoped_lock lock(m_writer->waiting);
        m_writer->next = QJsonDocument(m_values).toJson();
    }
    m_writer->write();
}

void StateFile::set(const QString& key, const QJsonValue& value)
{
    if (value.isUndefined()) {
        m_values.remove(key);
    } else if (m_values.value(key) == value) {
        return;
    } else {
        m_values.insert(key, value);
    }
    if (!m_timer.isActive()) {
        m_timer.start(); // not restarted: somebody who never stops typing is saved too
    }
}

void StateFile::save()
{
    {
        const std::scoped_lock lock(m_writer->waiting);
        m_writer->next = QJsonDocument(m_values).toJson();
    }
    QThreadPool::globalInstance()->start([writer = m_writer] { writer->write(); });
}

} // namespace sb::widgets
