#include "ui/panels/containment/AttemptDetails.h"

#include "ui/models/ContainmentRows.h"
#include "ui/panels/containment/MarkedList.h"
#include "ui/panels/parts/WrappedText.h"
#include "ui/widgets/Badge.h"
#include "ui/widgets/Format.h"
#include "ui/widgets/Labels.h"

#include <QBoxLayout>

using namespace Qt::StringLiterals;

namespace sb::panels {

namespace space = theme::space;
using models::Mark;
using theme::Tone;
using widgets::ToneLabel;

AttemptDetails::AttemptDetails(theme::Theme& theme, QWidget* parent)
    : QWidget(parent)
    , m_badge(new widgets::Badge(theme, {}, this))
    , m_about(new ToneLabel(theme, ToneLabel::Role::Secondary, Tone::Secondary, {}, this))
    , m_text(new WrappedText(theme, WrappedText::Look::Plain, tr("Details of the attempt"), this))
{
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(space::margin, space::related, space::margin, space::related);
    layout->setSpacing(space::related);
    auto* head = new QHBoxLayout;
    head->setSpacing(space::related);
    head->addWidget(m_badge);
    m_about->setMinimumWidth(1);
    head->addWidget(m_about, 1);
    layout->addLayout(head);
    m_text->setMaximumLines(16);
    m_text->setObjectName(u"attempt"_s);
    layout->addWidget(m_text);
}

void AttemptDetails::show(const protocol::ProbeInfo& probe)
{
    const auto mark = models::markOf(probe);
    m_badge->setSpec(markBadge(mark));
    m_about->setText(
        QStringList{models::protectedWord(probe.id), models::attemptTimeText(probe.ms), probe.id}
            .join(u" · "_s));
    QStringList lines{probe.question.trimmed(), QString()};
    if (const auto by = probe.by.trimmed(); !by.isEmpty()) {
        lines.append(mark == Mark::Held ? tr("Held by: %1").arg(by)
                                        : tr("Should be held by: %1").arg(by));
    }
    if (const auto detail = probe.detail.trimmed(); !detail.isEmpty()) {
        lines.append(mark == Mark::Unknown ? tr("Could not be tried: %1").arg(detail)
                                           : tr("Outcome: %1").arg(detail));
    }
    m_text->setVisibleText(models::visibleText(lines.join(u'\n'), models::Strictness::Prose));
}

} // namespace sb::panels
