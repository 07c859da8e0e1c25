#pragma once
#include "ui/theme/Theme.h"

#include <QPlainTextEdit>

namespace sb::panels {

/// Where a person writes. It grows from one line to eight; Enter sends, Shift+Enter begins a line.
/// While an input method composes, Enter belongs to the input method.
class Composer final : public QPlainTextEdit
{
    Q_OBJECT
public:
    explicit Composer(theme::Theme& theme, QWidget* parent = nullptr);
    static constexpr int maximumLines = 8;

Q_SIGNALS:
    void sendRequested();
    void leaveRequested(); ///< Escape

protected:
    void keyPressEvent(QKeyEvent* event) override;
    void inputMethodEvent(QInputMethodEvent* event) override;
    void insertFromMimeData(const QMimeData* source) override;
    void resizeEvent(QResizeEvent* event) override;

private:
    void fitHeight();
    bool m_composing = false;
    bool m_justCommitted = false;
};

} // namespace sb::panels
