#include "ui/theme/Theme.h"

#include "ui/theme/ThemeStyle.h"

#include <QApplication>
#include <QFile>
#include <QFontDatabase>
#include <QFontInfo>
#include <QFontMetrics>
#include <QIconEngine>
#include <QPainter>
#include <QPixmapCache>
#include <QPointer>
#include <QScopedValueRollback>
#include <QStyle>
#include <QStyleHints>
#include <QSvgRenderer>
#include <cmath>

using namespace Qt::StringLiterals;

namespace sb::theme {

namespace {

double channelLuminance(double value)
{
    return value <= 0.04045 ? value / 12.92 : std::pow((value + 0.055) / 1.055, 2.4);
}

double luminance(const QColor& colour)
{
    const QColor rgb = colour.toRgb();
    return 0.2126 * channelLuminance(rgb.redF()) + 0.7152 * channelLuminance(rgb.greenF()) +
           0.0722 * channelLuminance(rgb.blueF());
}

QColor mix(const QColor& a, const QColor& b, double partOfA)
{
    const auto part = [&](double x, double y) { return float(x * partOfA + y * (1 - partOfA)); };
    return QColor::fromRgbF(
        part(a.redF(), b.redF()), part(a.greenF(), b.greenF()), part(a.blueF(), b.blueF()));
}

QPalette ownPalette(bool dark, const QColor& accent)
{
    QPalette palette;
    const auto set = [&](QPalette::ColorRole role, QRgb light, QRgb night) {
        palette.setColor(role, QColor(dark ? night : light));
    };
    set(QPalette::Window, 0xfff3f3f4, 0xff202124);
    set(QPalette::WindowText, 0xff1d1f23, 0xffe6e7ea);
    set(QPalette::Base, 0xffffffff, 0xff18191b);
    set(QPalette::AlternateBase, 0xfff8f8f9, 0xff1d1e21);
    set(QPalette::Text, 0xff1d1f23, 0xffe6e7ea);
    set(QPalette::PlaceholderText, 0xff696d75, 0xff9da1a9);
    set(QPalette::Button, 0xfffafafb, 0xff2d2f33);
    set(QPalette::ButtonText, 0xff1d1f23, 0xffe6e7ea);
    set(QPalette::BrightText, 0xffffffff, 0xffffffff);
    set(QPalette::ToolTipBase, 0xff2b2d31, 0xff34363b);
    set(QPalette::ToolTipText, 0xfff2f2f3, 0xfff2f2f3);
    set(QPalette::Light, 0xffffffff, 0xff3a3c41);
    set(QPalette::Midlight, 0xffebebed, 0xff2d2f33);
    set(QPalette::Mid, 0xffd2d3d7, 0xff3d4046);
    set(QPalette::Dark, 0xffa9abb1, 0xff101113);
    set(QPalette::Shadow, 0xff6d7078, 0xff000000);
    const QColor strong = readableOn(accent, Qt::white, 4.6);
    palette.setColor(QPalette::Accent, strong);
    palette.setColor(QPalette::Highlight, strong);
    palette.setColor(QPalette::HighlightedText, Qt::white);
    palette.setColor(QPalette::Link, readableOn(accent, palette.color(QPalette::Base), 4.6));
    palette.setColor(QPalette::LinkVisited, palette.color(QPalette::Link));
    for (const auto role : {QPalette::WindowText,
                            QPalette::Text,
                            QPalette::ButtonText,
                            QPalette::HighlightedText,
                            QPalette::PlaceholderText}) {
        palette.setColor(QPalette::Disabled, role, QColor(dark ? 0xff7d8189 : 0xff8b8f97));
    }
    palette.setColor(QPalette::Disabled, QPalette::Highlight, palette.color(QPalette::Mid));
    return palette;
}

QByteArray iconSource(const QString& name)
{
    QFile file(u":/signalbox/icons/"_s + name + u".svg"_s);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

/// Draws an icon anew for each colour and size that it is asked for; QPixmapCache keeps the
/// results.
QPixmap drawIcon(const QString& name, int size, const QColor& colour, qreal ratio)
{
    const QString key = u"sb-icon:%1:%2:%3:%4"_s.arg(name).arg(size).arg(colour.name()).arg(ratio);
    QPixmap pixmap;
    if (QPixmapCache::find(key, &pixmap)) {
        return pixmap;
    }
    QByteArray source = iconSource(name);
    source.replace("currentColor", colour.name().toLatin1());
    // Strokes stay at about 1.5 px when the icon is drawn smaller than its grid.
    const QByteArray width = QByteArray::number(std::min(2.0, 36.0 / std::max(size, 1)));
    source.replace("stroke-width=\"1.5\"", QByteArray("stroke-width=\"" + width + "\""));
    pixmap = QPixmap((QSizeF(size, size) * ratio).toSize());
    pixmap.setDevicePixelRatio(ratio);
    pixmap.fill(Qt::transparent);
    QSvgRenderer renderer(source);
    QPainter painter(&pixmap);
    renderer.render(&painter, QRectF(0, 0, size, size));
    painter.end();
    QPixmapCache::insert(key, pixmap);
    return pixmap;
}

class IconEngine final : public QIconEngine
{
public:
    IconEngine(const Theme& theme, QString name, Tone tone)
        : m_theme(&theme), m_name(std::move(name)), m_tone(tone)
    {
    }

    void paint(QPainter* painter, const QRect& rect, QIcon::Mode mode, QIcon::State) override
    {
        const int side = std::min(rect.width(), rect.height());
        const QRect square(rect.x() + (rect.width() - side) / 2,
                           rect.y() + (rect.height() - side) / 2,
                           side,
                           side);
        painter->drawPixmap(
            square, drawIcon(m_name, side, colour(mode), painter->device()->devicePixelRatio()));
    }
    QPixmap pixmap(const QSize& size, QIcon::Mode mode, QIcon::State state) override
    {
        return scaledPixmap(size, mode, state, 1.0);
    }
    QPixmap scaledPixmap(const QSize& size, QIcon::Mode mode, QIcon::State, qreal scale) override
    {
        // The size is in device pixels here, the scale tells how many make a logical one.
        const int side = int(std::min(size.width(), size.height()) / scale);
        return drawIcon(m_name, side, colour(mode), scale);
    }
    QSize actualSize(const QSize& size, QIcon::Mode, QIcon::State) override
    {
        const int side = std::min(size.width(), size.height());
        return {side, side};
    }
    [[nodiscard]] QIconEngine* clone() const override { return new IconEngine(*this); }
    QString key() const override { return u"signalbox"_s; }
    QString iconName() override { return m_name; }
    bool isNull() override { return false; }

private:
    [[nodiscard]] QColor colour(QIcon::Mode mode) const
    {
        const QPalette palette = QApplication::palette();
        switch (mode) {
        case QIcon::Disabled:
            return palette.color(QPalette::Disabled, QPalette::Text);
        case QIcon::Selected:
            return palette.color(QPalette::HighlightedText);
        case QIcon::Normal:
        case QIcon::Active:
            break;
        }
        return m_theme ? m_theme->colour(m_tone) : palette.color(QPalette::Text);
    }
    QPointer<const Theme> m_theme;
    QString m_name;
    Tone m_tone;
};

} // namespace

double contrast(const QColor& a, const QColor& b)
{
    const double first = luminance(a);
    const double second = luminance(b);
    return (std::max(first, second) + 0.05) / (std::min(first, second) + 0.05);
}

QColor readableOn(const QColor& wanted, const QColor& background, double ratio)
{
    const QColor end =
        contrast(Qt::white, background) > contrast(Qt::black, background) ? Qt::white : Qt::black;
    for (int step = 0; step <= 20; ++step) {
        const QColor candidate(mix(end, wanted, step / 20.0).name()); // as it is drawn, in 8 bits
        if (contrast(candidate, background) >= ratio) {
            return candidate;
        }
    }
    return end;
}

Tone riskTone(protocol::Risk risk)
{
    switch (risk) {
    case protocol::Risk::Low:
        return Tone::RiskLow;
    case protocol::Risk::Medium:
        return Tone::RiskMedium;
    case protocol::Risk::High:
        return Tone::RiskHigh;
    case protocol::Risk::Critical:
        return Tone::RiskCritical;
    }
    return Tone::RiskCritical;
}

Tone stateTone(protocol::ProcessState state)
{
    using enum protocol::ProcessState;
    switch (state) {
    case Running:
        return Tone::Accent;
    case WaitingApproval:
        return Tone::Waiting;
    case Succeeded:
    case Cancelled:
        return Tone::Done;
    case Failed:
    case Interrupted:
        return Tone::Failed;
    }
    return Tone::Failed;
}

Theme::Theme(Options options, QObject* parent)
    : QObject(parent), m_options(options), m_systemFont(QApplication::font())
{
    if (QApplication::style()->name().compare("fusion"_L1, Qt::CaseInsensitive) == 0) {
        QApplication::setStyle(new ThemeStyle);
    }
    apply();
    qApp->installEventFilter(this);
    connect(QGuiApplication::styleHints(), &QStyleHints::colorSchemeChanged, this, [this] {
        if (m_options.scheme == Scheme::System) {
            apply();
            Q_EMIT changed();
        }
    });
}

Theme::~Theme()
{
    QApplication::setFont(m_systemFont);
}

void Theme::setScheme(Scheme scheme)
{
    m_options.scheme = scheme;
    apply();
    Q_EMIT changed();
}

void Theme::setDensity(Density density)
{
    m_options.density = density;
    Q_EMIT changed();
}

bool Theme::isDark() const
{
    return m_dark;
}

// The system's palette stays where the desktop has one. Where it has none, Qt's style would bring a
// grey of its own: there, and when a scheme is asked for, the palette is ours.
void Theme::apply()
{
    const QScopedValueRollback guard(m_applying, true);
    QApplication::setPalette(QPalette());
    const QPalette system = QApplication::palette();
    const QPalette styles = QApplication::style()->standardPalette();
    const bool desktopHasPalette =
        system.color(QPalette::Window) != styles.color(QPalette::Window) ||
        system.color(QPalette::Base) != styles.color(QPalette::Base);
    bool dark = m_options.scheme == Scheme::Dark;
    if (m_options.scheme == Scheme::System) {
        dark = QGuiApplication::styleHints()->colorScheme() == Qt::ColorScheme::Dark ||
               luminance(system.color(QPalette::Window)) < 0.2;
    }
    if (m_options.scheme != Scheme::System || !desktopHasPalette) {
        QColor accent = system.color(QPalette::Accent);
        if (!desktopHasPalette || accent.hslSaturationF() < 0.2F) {
            accent = QColor(0xff2f6fdb);
        }
        QApplication::setPalette(ownPalette(dark, accent));
    }
    if (m_options.fontScale != 1.0) {
        QFont font = m_systemFont;
        font.setPointSizeF(m_systemFont.pointSizeF() * m_options.fontScale);
        QApplication::setFont(font);
    }
    compute();
}

void Theme::compute()
{
    const QPalette palette = QApplication::palette();
    m_colours = palette;
    m_dark = luminance(palette.color(QPalette::Base)) < 0.2;
    const QColor text = palette.color(QPalette::Text);
    const QColor base = palette.color(QPalette::Base);
    const QColor accent = palette.color(QPalette::Accent);
    const auto wanted = [&](Tone tone) -> QColor {
        switch (tone) {
        case Tone::Text:
            return text;
        case Tone::RiskLow:
        case Tone::Done:
        case Tone::Secondary:
            return mix(text, base, 0.66);
        case Tone::Accent:
            return accent;
        case Tone::RiskMedium:
        case Tone::Waiting:
            return QColor(m_dark ? 0xffe0b040 : 0xff8a6100);
        case Tone::RiskHigh:
            return QColor(m_dark ? 0xfff08a4b : 0xffb34700);
        case Tone::Removed:
        case Tone::Failed:
        case Tone::RiskCritical:
            return QColor(m_dark ? 0xfff2726f : 0xffc01f2e);
        case Tone::Added:
            return QColor(m_dark ? 0xff63c27a : 0xff1c7a3a);
        }
        return text;
    };
    m_tones.clear();
    m_soft.clear();
    for (int i = 0; i <= int(Tone::Removed); ++i) {
        QColor colour = wanted(Tone(i));
        // A neutral tone has a neutral ground.
        const QColor soft = mix(colour, base, m_dark ? 0.16 : 0.10);
        for (const QColor& ground : {base,
                                     palette.color(QPalette::Window),
                                     palette.color(QPalette::AlternateBase),
                                     soft}) {
            colour = readableOn(colour, ground, 4.5);
        }
        m_tones.append(colour);
        m_soft.append(QColor(soft.name()));
    }
}

QColor Theme::colour(Tone tone) const
{
    return m_tones.at(int(tone));
}

QColor Theme::soft(Tone tone) const
{
    return m_soft.at(int(tone));
}

QColor Theme::hairline() const
{
    return m_colours.color(QPalette::Mid);
}

QFont Theme::body() const
{
    return QApplication::font();
}

QFont Theme::secondary() const
{
    QFont font = body();
    const int pixels = QFontInfo(font).pixelSize();
    font.setPixelSize(std::max(11, int(std::lround(pixels * 0.85))));
    return font;
}

QFont Theme::title() const
{
    QFont font = body();
    font.setPixelSize(int(std::lround(QFontInfo(font).pixelSize() * 1.25)));
    font.setWeight(QFont::DemiBold);
    return font;
}

QFont Theme::mono() const
{
    QFont font = QFontDatabase::systemFont(QFontDatabase::FixedFont);
    font.setPixelSize(std::max(11, int(std::lround(QFontInfo(body()).pixelSize() * 0.95))));
    return font;
}

int Theme::rowHeight() const
{
    const int padding = m_options.density == Density::Compact ? space::inside : space::related;
    return QFontMetrics(body()).height() + padding;
}

int Theme::iconSize() const
{
    return std::max(smallIcon, QFontMetrics(body()).height() - 3);
}

QIcon Theme::icon(const QString& name, Tone tone) const
{
    return QIcon(new IconEngine(*this, name, tone));
}

QPixmap
Theme::pixmap(const QString& name, int size, const QColor& colour, qreal devicePixelRatio) const
{
    return drawIcon(name, size, colour, devicePixelRatio);
}

bool Theme::eventFilter(QObject* watched, QEvent* event)
{
    if (watched == qApp && !m_applying &&
        (event->type() == QEvent::ApplicationPaletteChange ||
         event->type() == QEvent::ApplicationFontChange)) {
        compute();
        Q_EMIT changed();
    }
    return QObject::eventFilter(watched, event);
}

} // namespace sb::theme
