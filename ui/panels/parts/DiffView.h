#pragma once
#include "ui/theme/Theme.h"

#include <QPlainTextEdit>

namespace sb::panels {

/// A unified diff: signs stay, added and removed lines have their colour, hidden characters are
/// made visible. As tall as its lines up to a limit, then it scrolls; only what is seen is laid
/// out, however long it is.
class DiffView final : public QPlainTextEdit
{
    Q_OBJECT
public:
    DiffView(theme::Theme& theme, const QString& accessibleName, QWidget* parent = nullptr);

    void setDiff(const QString& diff);
    void setMaximumLines(int lines);
    [[nodiscard]] bool hasHeightForWidth() const override { return true; }
    [[nodiscard]] int heightForWidth(int width) const override;
    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override;

protected:
    void wheelEvent(QWheelEvent* event) override;

private:
    void restyle();

    class Highlighter;
    theme::Theme& m_theme;
    Highlighter* m_highlighter;
    int m_maximumLines = 24;
};

} // namespace sb::panels
