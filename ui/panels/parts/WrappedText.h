#pragma once
#include "ui/models/VisibleText.h"
#include "ui/theme/Theme.h"

#include <QTextEdit>

namespace sb::panels {

/// Read-only text that wraps anywhere rather than being cut, is as tall as it needs to be (up to a
/// number of lines, then it scrolls), and can be selected and copied. Suspicious characters are
/// marked.
class WrappedText final : public QTextEdit
{
    Q_OBJECT
public:
    enum class Look { Code, Plain, Quiet, Failure };
    WrappedText(theme::Theme& theme,
                Look look,
                const QString& accessibleName,
                QWidget* parent = nullptr);

    /// Shows the text as it is, with hidden characters made visible.
    void setVisibleText(const models::VisibleText& text);
    void setMaximumLines(int lines);

    [[nodiscard]] bool hasHeightForWidth() const override { return true; }
    [[nodiscard]] int heightForWidth(int width) const override;
    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override;

protected:
    void wheelEvent(QWheelEvent* event) override;

private:
    void restyle();
    void applyMarks();

    theme::Theme& m_theme;
    Look m_look;
    models::VisibleText m_shown;
    int m_maximumLines = 40;
    mutable std::pair<int, int> m_measured{-1, 0}; // width → height
};

} // namespace sb::panels
