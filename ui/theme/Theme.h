#pragma once
#include "core/protocol/Values.h"

#include <QColor>
#include <QFont>
#include <QIcon>
#include <QObject>
#include <QPalette>

namespace sb::theme {

/// The 4-px grid.
namespace space {
inline constexpr int inside = 4;  ///< inside a control
inline constexpr int related = 8; ///< between things that belong together
inline constexpr int margin = 12; ///< around a panel
inline constexpr int group = 16;  ///< between groups
} // namespace space
inline constexpr int cornerRadius = 6;
inline constexpr int smallIcon = 16;
inline constexpr int largeIcon = 24;
/// Prose is never wider than this many average characters.
inline constexpr int proseColumns = 80;
inline constexpr double proseLineHeight = 1.45;

enum class Scheme { System, Light, Dark };
enum class Density { Comfortable, Compact };

/// What a colour means. Colours only ever mean something, and a word or icon says the same.
enum class Tone {
    Text,
    Secondary,
    Accent,       ///< selected, primary, running
    Waiting,      ///< amber
    Done,         ///< as secondary text
    Failed,       ///< red
    RiskLow,      ///< neutral
    RiskMedium,   ///< amber
    RiskHigh,     ///< orange
    RiskCritical, ///< red
    Added,        ///< of a diff
    Removed,      ///< of a diff
};

/// WCAG 2 contrast ratio of two opaque colours, 1 … 21.
double contrast(const QColor& a, const QColor& b);
/// The colour nearest to `wanted` that has at least `ratio` on the background.
QColor readableOn(const QColor& wanted, const QColor& background, double ratio = 4.5);

Tone riskTone(protocol::Risk risk);
Tone stateTone(protocol::ProcessState state);

/// Fonts, colours and icons of the running application. One object, made after QApplication, that
/// sets the application's palette where the system has none, and follows the system's changes.
class Theme final : public QObject
{
    Q_OBJECT
public:
    struct Options
    {
        Scheme scheme = Scheme::System;
        double fontScale = 1.0; ///< on top of the system's size; for tests and pictures
        Density density = Density::Comfortable;
    };
    explicit Theme(Options options, QObject* parent = nullptr);
    Theme() : Theme(Options{}) {}
    ~Theme() override;

    [[nodiscard]] bool isDark() const;
    void setScheme(Scheme scheme);
    [[nodiscard]] Density density() const { return m_options.density; }
    void setDensity(Density density);

    /// The colour of text and marks; ≥ 4.5:1 on Base, AlternateBase and Window.
    [[nodiscard]] QColor colour(Tone tone) const;
    /// A quiet background for a badge or a banner of that tone; colour(tone) and text stay readable
    /// on it.
    [[nodiscard]] QColor soft(Tone tone) const;
    [[nodiscard]] QColor hairline() const;

    [[nodiscard]] QFont body() const;
    [[nodiscard]] QFont secondary() const; ///< 0.85, never below 11 px
    [[nodiscard]] QFont title() const;     ///< 1.25, half-bold
    [[nodiscard]] QFont mono() const;
    /// The height of a row of a list or table with one line of body text.
    [[nodiscard]] int rowHeight() const;

    /// The side of an icon beside body text: 16 px at the usual size, larger with a larger font.
    [[nodiscard]] int iconSize() const;

    /// An icon of resources/icons by its file name without suffix. It follows the theme by itself.
    [[nodiscard]] QIcon icon(const QString& name, Tone tone = Tone::Text) const;
    /// The same as a picture of `size` logical pixels, for delegates.
    [[nodiscard]] QPixmap
    pixmap(const QString& name, int size, const QColor& colour, qreal devicePixelRatio) const;

Q_SIGNALS:
    /// Palette, fonts or density changed: cached layouts and pictures are stale.
    void changed();

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void apply();
    void compute();

    Options m_options;
    QFont m_systemFont;
    QPalette m_colours; // what m_tones were computed for
    QList<QColor> m_tones;
    QList<QColor> m_soft;
    bool m_dark = false;
    bool m_applying = false;
};

} // namespace sb::theme
