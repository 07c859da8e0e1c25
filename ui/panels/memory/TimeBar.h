#pragma once
#include "ui/theme/Theme.h"

#include <QTimer>
#include <QWidget>

class QLabel;
class QPushButton;
class QSlider;
class QToolButton;

namespace sb::panels {

/// Goes through the days since the first memory: what was known at the end of each, up to now.
class TimeBar final : public QWidget
{
    Q_OBJECT
public:
    explicit TimeBar(theme::Theme& theme, QWidget* parent = nullptr);

    /// The slider's range. Somebody who looks at a day in the past keeps it.
    void setRange(TimeUs first, TimeUs now);
    /// The moment that is shown; 0: now.
    [[nodiscard]] TimeUs moment() const;
    /// "the end of 3 November 2026"; empty for now.
    [[nodiscard]] QString momentText() const;
    void goToNow();

Q_SIGNALS:
    void momentChanged(sb::TimeUs moment);

private:
    [[nodiscard]] QDate day() const;
    void moved();
    void tell();
    void play(bool isPlaying);

    theme::Theme& m_theme;
    QToolButton* m_back;
    QSlider* m_slider;
    QToolButton* m_forth;
    QToolButton* m_play;
    QLabel* m_words;
    QPushButton* m_now;
    QTimer m_beat;
    QDate m_first;
    QDate m_last;
};

} // namespace sb::panels
