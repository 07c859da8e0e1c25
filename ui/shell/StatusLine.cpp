#include "ui/shell/StatusLine.h"

#include "ui/widgets/Format.h"

#include <QToolButton>

using namespace Qt::StringLiterals;

namespace sb::shell {

using theme::Tone;

StatusLine::StatusLine(theme::Theme& theme, QWidget* parent)
    : QStatusBar(parent)
    , m_theme(theme)
    , m_running(addButton(u"workers"_s))
    , m_waiting(addButton(u"approvals"_s))
    , m_cost(addButton(u"workers"_s))
    , m_journal(addButton(u"journal"_s))
{
    setAccessibleName(tr("Status"));
    setSizeGripEnabled(false);
    setTotals({});
    connect(
        &theme, &theme::Theme::changed, this, [this] { setTotals(protocol::Totals(m_totals)); });
}

QToolButton* StatusLine::addButton(const QString& panel)
{
    auto* button = new QToolButton(this);
    button->setAutoRaise(true);
    button->setFocusPolicy(Qt::TabFocus);
    button->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    addPermanentWidget(button);
    connect(button, &QToolButton::clicked, this, [this, panel] { Q_EMIT panelWanted(panel); });
    return button;
}

void StatusLine::setTotals(const protocol::Totals& totals)
{
    m_totals = totals;
    const auto set = [this](QToolButton* button,
                            const QString& icon,
                            Tone tone,
                            const QString& text,
                            const QString& tip) {
        button->setIcon(m_theme.icon(icon, tone));
        if (button->text() != text) {
            button->setText(text);
        }
        QPalette colours = palette();
        colours.setColor(QPalette::ButtonText,
                         m_theme.colour(tone == Tone::Secondary ? Tone::Text : tone));
        button->setPalette(colours);
        button->setToolTip(tip);
        button->setAccessibleName(text);
        button->setAccessibleDescription(tip);
    };
    set(m_running,
        u"play"_s,
        totals.running > 0 ? Tone::Accent : Tone::Secondary,
        tr("%1 running").arg(widgets::countText(totals.running)),
        tr("Turns, branches and workers at work. Shows the workers."));
    set(m_waiting,
        u"pause"_s,
        totals.waiting > 0 ? Tone::Waiting : Tone::Secondary,
        tr("%1 waiting").arg(widgets::countText(totals.waiting)),
        tr("Questions that wait for you. Shows the approvals."));
    set(m_cost,
        u"cost"_s,
        Tone::Secondary,
        totals.costKnown ? tr("%1 today").arg(widgets::moneyText(totals.costMicroUsd))
                         : tr("No price known"),
        totals.costKnown ? tr("What the models cost today, from the prices in signalbox.yaml.")
                         : tr("No model in use has a price in signalbox.yaml."));
    const bool problem = !totals.journalProblem.isEmpty();
    const bool verified = totals.journalVerifiedAt > 0;
    set(m_journal,
        problem ? u"warning"_s : u"verify"_s,
        problem ? Tone::Failed : Tone::Secondary,
        problem    ? tr("Journal has a problem")
        : verified ? tr("Journal verified")
                   : tr("Journal not verified"),
        problem    ? totals.journalProblem
        : verified ? tr("Verify held. Shows the journal.")
                   : tr("Nobody has pressed Verify since the start. Shows the journal."));
}

} // namespace sb::shell
