#pragma once
#include <QProxyStyle>

namespace sb::theme {

/// Qt's own style, where the desktop has none of its own: icons and check boxes grow with the font,
/// scroll bars are thin.
class ThemeStyle final : public QProxyStyle
{
public:
    ThemeStyle();
    int pixelMetric(PixelMetric metric,
                    const QStyleOption* option,
                    const QWidget* widget) const override;
    void drawComplexControl(ComplexControl control,
                            const QStyleOptionComplex* option,
                            QPainter* painter,
                            const QWidget* widget) const override;
    QRect subControlRect(ComplexControl control,
                         const QStyleOptionComplex* option,
                         SubControl part,
                         const QWidget* widget) const override;
};

} // namespace sb::theme
