#pragma once
#include "ui/theme/Theme.h"

#include <QLabel>
#include <functional>

class QPushButton;

namespace sb::widgets {

/// One line of text that is elided to fit: in the middle for paths (the default), at the end for
/// sentences. The whole text is in the tooltip and in the accessible name, and can be copied from
/// the context menu.
class ElidedLabel final : public QWidget
{
    Q_OBJECT
public:
    explicit ElidedLabel(const QString& text = {},
                         Qt::TextElideMode mode = Qt::ElideMiddle,
                         QWidget* parent = nullptr);
    void setText(const QString& text);
    [[nodiscard]] const QString& text() const { return m_text; }
    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override;

protected:
    void paintEvent(QPaintEvent* event) override;
    void contextMenuEvent(QContextMenuEvent* event) override;

private:
    QString m_text;
    Qt::TextElideMode m_mode;
};

/// Text in a role of the theme (secondary, title, a tone) that follows theme changes; wraps; can be
/// selected.
class ToneLabel final : public QLabel
{
    Q_OBJECT
public:
    enum class Role { Body, Secondary, Title, Mono };
    ToneLabel(theme::Theme& theme,
              Role role,
              theme::Tone tone,
              const QString& text = {},
              QWidget* parent = nullptr);
    void setTone(theme::Tone tone);

private:
    void restyle();
    theme::Theme& m_theme;
    Role m_role;
    theme::Tone m_tone;
};

/// What a panel shows while it has nothing to show: an icon, one or two sentences, perhaps a
/// button.
class EmptyState final : public QWidget
{
    Q_OBJECT
public:
    EmptyState(theme::Theme& theme, const QString& icon, QWidget* parent = nullptr);
    void setText(const QString& text);
    [[nodiscard]] QString text() const;
    /// An empty text hides the button.
    void setButton(const QString& text, std::function<void()> pressed);

private:
    theme::Theme& m_theme;
    QString m_icon;
    QLabel* m_picture;
    QLabel* m_text;
    QPushButton* m_button;
    std::function<void()> m_pressed;
};

/// One sentence across the top of a panel or window, with at most two buttons.
class Banner final : public QWidget
{
    Q_OBJECT
public:
    Banner(theme::Theme& theme,
           const QString& icon,
           theme::Tone tone,
           const QString& text,
           QWidget* parent = nullptr);
    void setText(const QString& text);
    [[nodiscard]] QString text() const;
    QPushButton* addButton(const QString& text, std::function<void()> pressed);

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    theme::Theme& m_theme;
    theme::Tone m_tone;
    QLabel* m_text;
};

} // namespace sb::widgets
