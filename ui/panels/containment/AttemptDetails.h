#pragma once
#include "core/protocol/Containment.h"
#include "ui/theme/Theme.h"

#include <QWidget>

namespace sb::widgets {
class Badge;
class ToneLabel;
} // namespace sb::widgets

namespace sb::panels {

class WrappedText;

/// One attempt in full: what was tried, what held it, what came of it and how long it took.
class AttemptDetails final : public QWidget
{
    Q_OBJECT
public:
    AttemptDetails(theme::Theme& theme, QWidget* parent);
    void show(const protocol::ProbeInfo& probe);

private:
    widgets::Badge* m_badge;
    widgets::ToneLabel* m_about;
    WrappedText* m_text;
};

} // namespace sb::panels
