#include "ui/panels/memory/TimeBar.h"

#include "ui/widgets/Labels.h"

#include <QBoxLayout>
#include <QDateTime>
#include <QLocale>
#include <QPushButton>
#include <QSlider>
#include <QToolButton>

using namespace Qt::StringLiterals;

namespace sb::panels {

namespace {

constexpr int beatMs = 700; // time enough to see what came

} // namespace

TimeBar::TimeBar(theme::Theme& theme, QWidget* parent)
    : QWidget(parent)
    , m_theme(theme)
    , m_back(new QToolButton(this))
    , m_slider(new QSlider(Qt::Horizontal, this))
    , m_forth(new QToolButton(this))
    , m_play(new QToolButton(this))
    , m_words(new widgets::ToneLabel(
          theme, widgets::ToneLabel::Role::Body, theme::Tone::Text, {}, this))
    , m_now(new QPushButton(tr("Now"), this))
{
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(
        theme::space::margin, theme::space::inside, theme::space::margin, theme::space::inside);
    layout->setSpacing(theme::space::inside);
    const auto tool = [&](QToolButton* button, const QString& icon, const QString& name) {
        button->setAutoRaise(true);
        button->setFocusPolicy(Qt::TabFocus);
        button->setIcon(theme.icon(icon));
        button->setAccessibleName(name);
        button->setToolTip(name);
    };
    tool(m_back, u"chevron-left"_s, tr("A day back"));
    tool(m_forth, u"chevron-right"_s, tr("A day on"));
    m_play->setCheckable(true);
    tool(m_play, u"play"_s, tr("Play how the memory grew"));
    m_slider->setObjectName(u"days"_s);
    m_slider->setPageStep(7);
    m_slider->setToolTip(tr("What was known at the end of a day"));
    m_now->setAutoDefault(false);
    m_now->setToolTip(tr("Back to what is known now"));
    m_words->setObjectName(u"moment"_s);
    m_words->setWordWrap(false);
    layout->addWidget(m_play);
    layout->addWidget(m_back);
    layout->addWidget(m_slider, 1);
    layout->addWidget(m_forth);
    layout->addSpacing(theme::space::inside);
    layout->addWidget(m_words);
    layout->addWidget(m_now);

    connect(m_slider, &QSlider::valueChanged, this, &TimeBar::moved);
    connect(
        m_back, &QToolButton::clicked, this, [this] { m_slider->setValue(m_slider->value() - 1); });
    connect(m_forth, &QToolButton::clicked, this, [this] {
        m_slider->setValue(m_slider->value() + 1);
    });
    connect(m_now, &QPushButton::clicked, this, &TimeBar::goToNow);
    connect(m_play, &QToolButton::toggled, this, &TimeBar::play);
    m_beat.setInterval(beatMs);
    connect(&m_beat, &QTimer::timeout, this, [this] {
        if (m_slider->value() == m_slider->maximum()) {
            m_play->setChecked(false);
        } else {
            m_slider->setValue(m_slider->value() + 1);
        }
    });
    tell();
}

void TimeBar::setRange(TimeUs first, TimeUs now)
{
    const QDate shown = day();
    const bool wasNow = m_slider->value() == m_slider->maximum();
    m_last = QDateTime::fromMSecsSinceEpoch(now / 1000).date();
    m_first =
        first > 0 ? std::min(QDateTime::fromMSecsSinceEpoch(first / 1000).date(), m_last) : m_last;
    const QSignalBlocker blocker(m_slider);
    m_slider->setRange(0, int(m_first.daysTo(m_last)));
    m_slider->setValue(wasNow ? m_slider->maximum() : int(m_first.daysTo(shown)));
    tell();
}

QDate TimeBar::day() const
{
    return m_first.addDays(m_slider->value());
}

// The last place of the slider is now, which no day's end is.
TimeUs TimeBar::moment() const
{
    if (m_slider->value() == m_slider->maximum()) {
        return 0;
    }
    return day().addDays(1).startOfDay().toMSecsSinceEpoch() * 1000 - 1;
}

QString TimeBar::momentText() const
{
    return moment() == 0 ? QString()
                         : tr("the end of %1").arg(QLocale().toString(day(), QLocale::LongFormat));
}

void TimeBar::goToNow()
{
    m_slider->setValue(m_slider->maximum());
}

void TimeBar::moved()
{
    tell();
    Q_EMIT momentChanged(moment());
}

void TimeBar::tell()
{
    const bool isNow = moment() == 0;
    const bool hasPast = m_slider->maximum() > 0;
    const QString words = isNow ? (hasPast ? tr("What is known now") : tr("Nothing before today"))
                                : tr("Known at %1").arg(momentText());
    m_words->setText(words);
    m_slider->setAccessibleName(tr("Day that is shown"));
    m_slider->setAccessibleDescription(words);
    m_slider->setEnabled(hasPast);
    m_play->setEnabled(hasPast);
    m_back->setEnabled(m_slider->value() > 0);
    m_forth->setEnabled(!isNow);
    m_now->setEnabled(!isNow);
}

void TimeBar::play(bool isPlaying)
{
    m_play->setIcon(m_theme.icon(isPlaying ? u"pause"_s : u"play"_s));
    const QString name = isPlaying ? tr("Stop playing") : tr("Play how the memory grew");
    m_play->setAccessibleName(name);
    m_play->setToolTip(name);
    if (!isPlaying) {
        m_beat.stop();
        return;
    }
    if (moment() == 0) {
        m_slider->setValue(0); // at the end it begins anew
    }
    m_beat.start();
}

} // namespace sb::panels
