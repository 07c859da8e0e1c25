#include "ui/widgets/Labels.h"

#include <QApplication>
#include <QBoxLayout>
#include <QClipboard>
#include <QContextMenuEvent>
#include <QMenu>
#include <QPainter>
#include <QPushButton>

namespace sb::widgets {

ElidedLabel::ElidedLabel(const QString& text, Qt::TextElideMode mode, QWidget* parent)
    : QWidget(parent), m_mode(mode)
{
    setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Fixed);
    setText(text);
}

void ElidedLabel::setText(const QString& text)
{
    m_text = text;
    setAccessibleName(text);
    setToolTip(text.toHtmlEscaped());
    updateGeometry();
    update();
}

QSize ElidedLabel::sizeHint() const
{
    return {fontMetrics().horizontalAdvance(m_text) + 1, fontMetrics().height()};
}

QSize ElidedLabel::minimumSizeHint() const
{
    return {std::min(sizeHint().width(), fontMetrics().averageCharWidth() * 8),
            fontMetrics().height()};
}

void ElidedLabel::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    painter.setPen(palette().color(foregroundRole()));
    painter.drawText(rect(),
                     Qt::AlignVCenter | Qt::AlignLeading | Qt::TextSingleLine,
                     fontMetrics().elidedText(m_text, m_mode, width()));
}

void ElidedLabel::contextMenuEvent(QContextMenuEvent* event)
{
    QMenu menu(this);
    QAction* copy = menu.addAction(tr("Copy"));
    if (menu.exec(event->globalPos()) == copy) {
        QApplication::clipboard()->setText(m_text);
    }
}

ToneLabel::ToneLabel(
    theme::Theme& theme, Role role, theme::Tone tone, const QString& text, QWidget* parent)
    : QLabel(text, parent), m_theme(theme), m_role(role), m_tone(tone)
{
    setTextFormat(Qt::PlainText);
    setWordWrap(true);
    setTextInteractionFlags(Qt::TextSelectableByMouse);
    restyle();
    connect(&theme, &theme::Theme::changed, this, [this] { restyle(); });
}

void ToneLabel::setTone(theme::Tone tone)
{
    m_tone = tone;
    restyle();
}

void ToneLabel::restyle()
{
    switch (m_role) {
    case Role::Body:
        setFont(m_theme.body());
        break;
    case Role::Secondary:
        setFont(m_theme.secondary());
        break;
    case Role::Title:
        setFont(m_theme.title());
        break;
    case Role::Mono:
        setFont(m_theme.mono());
        break;
    }
    QPalette colours = palette();
    colours.setColor(QPalette::WindowText, m_theme.colour(m_tone));
    colours.setColor(QPalette::Text, m_theme.colour(m_tone));
    setPalette(colours);
}

EmptyState::EmptyState(theme::Theme& theme, const QString& icon, QWidget* parent)
    : QWidget(parent)
    , m_theme(theme)
    , m_icon(icon)
    , m_picture(new QLabel(this))
    , m_text(new ToneLabel(theme, ToneLabel::Role::Body, theme::Tone::Secondary, {}, this))
    , m_button(new QPushButton(this))
{
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(
        theme::space::group, theme::space::margin, theme::space::group, theme::space::margin);
    layout->setSpacing(theme::space::related);
    layout->addStretch(2);
    layout->addWidget(m_picture, 0, Qt::AlignHCenter);
    layout->addWidget(m_text);
    layout->addWidget(m_button, 0, Qt::AlignHCenter);
    layout->addStretch(3);
    m_text->setAlignment(Qt::AlignCenter);
    m_button->hide();
    connect(m_button, &QPushButton::clicked, this, [this] {
        if (m_pressed) {
            m_pressed();
        }
    });
    const auto paint = [this] {
        m_picture->setPixmap(m_theme.pixmap(m_icon,
                                            m_theme.iconSize() * 3 / 2,
                                            m_theme.colour(theme::Tone::Secondary),
                                            devicePixelRatioF()));
    };
    paint();
    connect(&theme, &theme::Theme::changed, this, paint);
}

void EmptyState::setText(const QString& text)
{
    m_text->setText(text);
    setAccessibleName(text);
}

QString EmptyState::text() const
{
    return m_text->text();
}

void EmptyState::setButton(const QString& text, std::function<void()> pressed)
{
    m_button->setText(text);
    m_button->setVisible(!text.isEmpty());
    m_pressed = std::move(pressed);
}

Banner::Banner(theme::Theme& theme,
               const QString& icon,
               theme::Tone tone,
               const QString& text,
               QWidget* parent)
    : QWidget(parent)
    , m_theme(theme)
    , m_tone(tone)
    , m_text(new ToneLabel(theme, ToneLabel::Role::Body, theme::Tone::Text, text, this))
{
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(
        theme::space::margin, theme::space::inside, theme::space::margin, theme::space::inside);
    layout->setSpacing(theme::space::related);
    auto* picture = new QLabel(this);
    const auto paint = [this, picture, icon] {
        picture->setPixmap(
            m_theme.pixmap(icon, m_theme.iconSize(), m_theme.colour(m_tone), devicePixelRatioF()));
        update();
    };
    paint();
    connect(&theme, &theme::Theme::changed, this, paint);
    layout->addWidget(picture, 0, Qt::AlignVCenter | Qt::AlignHCenter);
    layout->addWidget(m_text, 1);
    setText(text);
}

void Banner::setText(const QString& text)
{
    m_text->setText(text);
    setAccessibleName(text);
}

QString Banner::text() const
{
    return m_text->text();
}

QPushButton* Banner::addButton(const QString& text, std::function<void()> pressed)
{
    auto* button = new QPushButton(text, this);
    connect(button, &QPushButton::clicked, this, std::move(pressed));
    layout()->addWidget(button);
    return button;
}

void Banner::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    painter.fillRect(rect(), m_theme.soft(m_tone));
    painter.fillRect(QRect(0, height() - 1, width(), 1), m_theme.hairline());
}

} // namespace sb::widgets
