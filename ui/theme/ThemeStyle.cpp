#include "ui/theme/ThemeStyle.h"

#include "ui/theme/Theme.h"

#include <QApplication>
#include <QPainter>
#include <QStyleOption>

using namespace Qt::StringLiterals;

namespace sb::theme {

namespace {

constexpr int scrollBarExtent = 12;
constexpr int shortestSlider = 28;

} // namespace

ThemeStyle::ThemeStyle() : QProxyStyle(u"fusion"_s) {}

int ThemeStyle::pixelMetric(PixelMetric metric,
                            const QStyleOption* option,
                            const QWidget* widget) const
{
    switch (metric) {
    case PM_ButtonIconSize:
    case PM_SmallIconSize:
    case PM_ToolBarIconSize:
    case PM_TabBarIconSize:
    case PM_ListViewIconSize:
    case PM_IndicatorWidth:
    case PM_IndicatorHeight:
    case PM_ExclusiveIndicatorWidth:
    case PM_ExclusiveIndicatorHeight:
        return std::max(smallIcon, QFontMetrics(QApplication::font()).height() - 3);
    case PM_ScrollBarExtent:
        return scrollBarExtent;
    case PM_ScrollBarSliderMin:
        return shortestSlider;
    default:
        return QProxyStyle::pixelMetric(metric, option, widget);
    }
}

QRect ThemeStyle::subControlRect(ComplexControl control,
                                 const QStyleOptionComplex* option,
                                 SubControl part,
                                 const QWidget* widget) const
{
    const auto* bar = qstyleoption_cast<const QStyleOptionSlider*>(option);
    if (control != CC_ScrollBar || !bar) {
        return QProxyStyle::subControlRect(control, option, part, widget);
    }
    const bool upright = bar->orientation == Qt::Vertical;
    const int length = upright ? bar->rect.height() : bar->rect.width();
    const qint64 range = qint64(bar->maximum) - bar->minimum;
    int slider = length;
    if (range > 0) {
        slider = std::min(length,
                          std::max(shortestSlider,
                                   int(qint64(length) * bar->pageStep / (range + bar->pageStep))));
    }
    const int start = sliderPositionFromValue(
        bar->minimum, bar->maximum, bar->sliderPosition, length - slider, bar->upsideDown);
    const auto along = [&](int from, int size) {
        return upright ? QRect(bar->rect.x(), bar->rect.y() + from, bar->rect.width(), size)
                       : visualRect(
                             bar->direction,
                             bar->rect,
                             QRect(bar->rect.x() + from, bar->rect.y(), size, bar->rect.height()));
    };
    switch (part) {
    case SC_ScrollBarGroove:
        return bar->rect;
    case SC_ScrollBarSlider:
        return along(start, slider);
    case SC_ScrollBarSubPage:
        return along(0, start);
    case SC_ScrollBarAddPage:
        return along(start + slider, length - start - slider);
    default:
        return {}; // no arrows
    }
}

void ThemeStyle::drawComplexControl(ComplexControl control,
                                    const QStyleOptionComplex* option,
                                    QPainter* painter,
                                    const QWidget* widget) const
{
    const auto* bar = qstyleoption_cast<const QStyleOptionSlider*>(option);
    if (control != CC_ScrollBar || !bar) {
        QProxyStyle::drawComplexControl(control, option, painter, widget);
        return;
    }
    const QColor ground = bar->palette.color(QPalette::Base);
    painter->save();
    painter->fillRect(bar->rect, ground);
    if (bar->maximum > bar->minimum) {
        const bool active =
            (bar->state & State_MouseOver) && (bar->activeSubControls & SC_ScrollBarSlider);
        const QRect place = subControlRect(control, option, SC_ScrollBarSlider, widget);
        const int inset = 3;
        const QRectF thumb = QRectF(place).adjusted(inset, inset, -inset, -inset);
        const double radius = std::min(thumb.width(), thumb.height()) / 2;
        QColor colour = readableOn(bar->palette.color(QPalette::Mid), ground, active ? 4.5 : 3.0);
        painter->setRenderHint(QPainter::Antialiasing);
        painter->setPen(Qt::NoPen);
        painter->setBrush(colour);
        painter->drawRoundedRect(thumb, radius, radius);
    }
    painter->restore();
}

} // namespace sb::theme
