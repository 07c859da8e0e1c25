#pragma once
#include "core/base/Executor.h"

#include <QCache>
#include <QList>
#include <QObject>
#include <QTextLayout>
#include <functional>

namespace sb::widgets {

/// Colours for code, found away from the GUI thread. Made on the GUI thread; one is enough for a
/// window.
class CodeHighlighter final : public QObject
{
    Q_OBJECT
public:
    explicit CodeHighlighter(QObject* parent = nullptr);
    ~CodeHighlighter() override;

    /// Formats by line, each with start and length inside its line.
    using Lines = QList<QList<QTextLayout::FormatRange>>;

    /// The formats, when they are known already; otherwise nothing now, and `ready` is called on
    /// the GUI thread later unless `guard` is gone. `language` is the word behind a fence, or a
    /// file name. Colours are readable on `background`. Code of more than 200,000 characters and
    /// unknown languages stay plain: an empty list.
    std::optional<Lines> highlight(const QString& code,
                                   const QString& language,
                                   const QColor& background,
                                   QObject* guard,
                                   std::function<void(const Lines&)> ready);

private:
    struct Worker;
    QCache<QByteArray, Lines> m_cache;
    std::shared_ptr<Worker> m_worker; // lives on with a job that is still running
    std::unique_ptr<Pool> m_pool;     // made when the first code is seen: definitions take memory
};

} // namespace sb::widgets
