#pragma once
#include "ui/theme/Theme.h"

#include <QPlainTextEdit>

class QPushButton;

namespace sb::panels {

/// The end of an output, at most 64 KiB of it. It follows the end, unless somebody scrolled up to
/// read; then a button says how much came since, and goes back.
class TailView final : public QPlainTextEdit
{
    Q_OBJECT
public:
    static constexpr int capacity = 64 * 1024; ///< characters
    explicit TailView(theme::Theme& theme, QWidget* parent = nullptr);

    void setTail(const QString& text);
    void appendTail(const QString& text);
    [[nodiscard]] bool isFollowing() const { return m_isFollowing; }
    void follow();

protected:
    void resizeEvent(QResizeEvent* event) override;
    void showEvent(QShowEvent* event) override;

private:
    void restyle();
    void placeButton();

    theme::Theme& m_theme;
    QPushButton* m_latest;
    qint64 m_missedLines = 0;
    bool m_isFollowing = true;
    bool m_isFitting = false; // the text or the size changes, and the scroll bar with them
};

} // namespace sb::panels
