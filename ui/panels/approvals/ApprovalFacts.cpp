#include "ui/panels/approvals/ApprovalFacts.h"

#include "ui/models/VisibleText.h"
#include "ui/models/Words.h"
#include "ui/panels/parts/DiffView.h"
#include "ui/panels/parts/WrappedText.h"
#include "ui/widgets/Format.h"
#include "ui/widgets/Labels.h"

#include <QBoxLayout>
#include <QDateTime>
#include <QGridLayout>
#include <QLocale>
#include <algorithm>

using namespace Qt::StringLiterals;

namespace sb::panels {

using protocol::ApprovalInfo;
using protocol::ApprovalState;
using theme::Tone;
using widgets::ToneLabel;

ApprovalFacts::ApprovalFacts(const Context& context, const ApprovalInfo& approval, QWidget* parent)
    : QWidget(parent), m_context(context), m_approval(approval)
{
    auto* body = new QVBoxLayout(this);
    body->setContentsMargins({});
    body->setSpacing(theme::space::related);
    auto* chain = new ToneLabel(
        m_context.theme, ToneLabel::Role::Secondary, Tone::Secondary, whoText(), this);
    chain->setMinimumWidth(1);
    body->addWidget(chain);

    const auto command =
        m_approval.argv.isEmpty() ? m_approval.command : models::quotedCommand(m_approval.argv);
    const auto shown = models::visibleText(command, models::Strictness::Exact);
    auto notice = shown;
    auto* what =
        new WrappedText(m_context.theme, WrappedText::Look::Code, tr("What would be done"), this);
    what->setVisibleText(shown);
    what->setMaximumLines(60);
    body->addWidget(what);
    if (!m_approval.diff.isEmpty()) {
        auto* diff = new DiffView(m_context.theme, tr("What would be written"), this);
        diff->setDiff(m_approval.diff);
        body->addWidget(diff);
        const auto inDiff = models::visibleText(m_approval.diff, models::Strictness::Prose);
        notice.invisible += inDiff.invisible;
        notice.lookAlike += inDiff.lookAlike;
        notice.rightToLeft = notice.rightToLeft || inDiff.rightToLeft;
    }
    if (const auto sentence = models::visibleTextNotice(notice); !sentence.isEmpty()) {
        auto* row = new QHBoxLayout;
        row->setSpacing(theme::space::related);
        auto* picture = new QLabel(this);
        picture->setPixmap(m_context.theme.pixmap(
            u"warning"_s,
            std::max(theme::smallIcon, QFontMetrics(m_context.theme.secondary()).height()),
            m_context.theme.colour(Tone::RiskHigh),
            devicePixelRatioF()));
        row->addWidget(picture, 0, Qt::AlignTop);
        auto* words = new ToneLabel(
            m_context.theme, ToneLabel::Role::Secondary, Tone::RiskHigh, sentence, this);
        words->setMinimumWidth(1);
        row->addWidget(words, 1);
        body->addLayout(row);
    }

    m_facts = new QGridLayout;
    m_facts->setContentsMargins({});
    m_facts->setHorizontalSpacing(theme::space::related);
    m_facts->setVerticalSpacing(theme::space::inside);
    m_facts->setColumnStretch(1, 1);
    body->addLayout(m_facts);
    fillFacts();

    if (!m_approval.justification.trimmed().isEmpty()) {
        // Set apart by place and by words: these are not the host's facts.
        auto* title = new ToneLabel(m_context.theme,
                                    ToneLabel::Role::Secondary,
                                    Tone::Secondary,
                                    tr("%1 says (not checked):").arg(m_approval.agent),
                                    this);
        title->setMinimumWidth(1);
        body->addSpacing(theme::space::inside);
        body->addWidget(title);
        auto* words = new WrappedText(
            m_context.theme, WrappedText::Look::Quiet, tr("The agent's own words"), this);
        words->setVisibleText(
            models::visibleText(m_approval.justification, models::Strictness::Prose));
        words->setMaximumLines(8);
        auto* indented = new QHBoxLayout;
        indented->setContentsMargins(theme::space::margin, 0, 0, 0);
        indented->addWidget(words);
        body->addLayout(indented);
    }
    body->addStretch(1); // what is left over must not blow up a text
}

QString ApprovalFacts::whoText() const
{
    QStringList chain{m_approval.agent};
    if (!m_approval.channel.isEmpty()) {
        const auto* channel = m_context.bridge.channel(m_approval.agent, m_approval.channel);
        chain.append(channel != nullptr && !channel->title.isEmpty()
                         ? tr("“%1”").arg(widgets::firstLine(channel->title, 60))
                         : m_approval.channel);
    }
    if (!m_approval.process.isEmpty()) {
        const auto* process = m_context.bridge.process(m_approval.process);
        const auto kind = models::processKindText(
            process != nullptr ? process->kind : protocol::ProcessKind::Worker);
        chain.append(tr("%1 %2").arg(kind, m_approval.process));
    }
    return widgets::visibleText(chain.join(u" → "_s));
}

void ApprovalFacts::addFact(const QString& label, QWidget* value)
{
    const int row = m_facts->rowCount();
    auto* name =
        new ToneLabel(m_context.theme, ToneLabel::Role::Secondary, Tone::Secondary, label, this);
    name->setWordWrap(false);
    name->setTextInteractionFlags(
        Qt::NoTextInteraction); // and so it is cheap: a text that can be selected is not
    m_facts->addWidget(name, row, 0, Qt::AlignTop | Qt::AlignLeading);
    m_facts->addWidget(value, row, 1);
}

void ApprovalFacts::addText(const QString& label, const QString& text, bool isMono)
{
    if (text.isEmpty()) {
        return;
    }
    const auto shown = models::visibleText(text, models::Strictness::Exact);
    // A label breaks lines between words only; what has none that are short enough needs more.
    const auto words = shown.text.split(u' ');
    if (std::ranges::any_of(words, [](const QString& word) { return word.size() > 30; })) {
        auto* wrapped = new WrappedText(m_context.theme, WrappedText::Look::Plain, label, this);
        wrapped->setVisibleText(shown);
        wrapped->setMaximumLines(8);
        addFact(label, wrapped);
        return;
    }
    auto* value = new ToneLabel(m_context.theme,
                                isMono ? ToneLabel::Role::Mono : ToneLabel::Role::Body,
                                Tone::Text,
                                shown.text,
                                this);
    value->setMinimumWidth(1);
    value->setAccessibleName(tr("%1: %2").arg(label, text));
    addFact(label, value);
}

void ApprovalFacts::addPaths()
{
    constexpr int most = 8;
    int shown = 0;
    for (const auto& path : m_approval.paths) {
        if (shown == most && m_approval.paths.size() > most + 1) {
            auto* rest =
                new ToneLabel(m_context.theme,
                              ToneLabel::Role::Secondary,
                              Tone::Secondary,
                              tr("and %n more", nullptr, int(m_approval.paths.size()) - most),
                              this);
            rest->setToolTip(QString(u"<pre>"_s +
                                     m_approval.paths.mid(most, 200).join(u'\n').toHtmlEscaped() +
                                     u"</pre>"_s));
            addFact({}, rest);
            return;
        }
        addFact(shown == 0 ? tr("Touches") : QString(),
                new widgets::ElidedLabel(models::visibleText(path, models::Strictness::Exact).text,
                                         Qt::ElideMiddle,
                                         this));
        ++shown;
    }
}

namespace {

/// "the page https://…, read by wrk-7 at 12:03 (entry 41)"
QString stepText(const protocol::FlowStep& step)
{
    const QString time =
        step.time == 0 ? QString()
                       : QLocale().toString(QDateTime::fromMSecsSinceEpoch(step.time / 1000).time(),
                                            QLocale::ShortFormat);
    if (step.entry == 0 || time.isEmpty()) {
        return step.what;
    }
    return step.process.isEmpty()
               ? ApprovalFacts::tr("%1 at %2 (entry %3)").arg(step.what, time).arg(step.entry)
               : ApprovalFacts::tr("%1, by %2 at %3 (entry %4)")
                     .arg(step.what, step.process, time)
                     .arg(step.entry);
}

QString labelText(const QString& label)
{
    if (label == "external_network"_L1) {
        return ApprovalFacts::tr("from the network");
    }
    if (label == "user_input"_L1) {
        return ApprovalFacts::tr("said by a person");
    }
    if (label == "pii"_L1) {
        return ApprovalFacts::tr("personal data");
    }
    if (label == "secret"_L1) {
        return ApprovalFacts::tr("secret");
    }
    if (label == "untrusted_agent"_L1) {
        return ApprovalFacts::tr("from another agent");
    }
    return label == "untrusted_file"_L1 ? ApprovalFacts::tr("from a file") : label;
}

} // namespace

void ApprovalFacts::addFlows()
{
    constexpr int most = 6;
    int shown = 0;
    // What is quoted comes first; what only had an influence is of interest after it.
    auto flows = m_approval.flows;
    std::ranges::stable_partition(flows, [](const auto& flow) { return flow.isPrecise; });
    for (const auto& flow : std::as_const(flows)) {
        const bool isPersonsOnly = flow.labels == QStringList{u"user_input"_s};
        if (flow.path.isEmpty() || (!flow.isPrecise && isPersonsOnly)) {
            continue;
        }
        if (shown++ == most) {
            break;
        }
        QStringList labels;
        for (const QString& label : flow.labels) {
            labels.append(labelText(label));
        }
        QStringList steps;
        for (const auto& step : flow.path) {
            steps.append(stepText(step));
        }
        addText(flow.isPrecise ? tr("Quotes") : tr("Influenced by"),
                tr("%1: %2").arg(labels.join(u", "_s), steps.join(u" → "_s)));
    }
}

void ApprovalFacts::fillFacts()
{
    addText(tr("Because"), m_approval.reason);
    addText(tr("Rule"), m_approval.rule, true);
    addFlows();
    addText(tr("Risk"), m_approval.riskReasons.join(u"; "_s));
    if (!m_approval.cwd.isEmpty()) {
        addFact(tr("Runs in"),
                new widgets::ElidedLabel(
                    models::visibleText(m_approval.cwd, models::Strictness::Exact).text,
                    Qt::ElideMiddle,
                    this));
    }
    addPaths();
    addText(tr("Sees"), m_approval.environment.join(u", "_s));
    if (m_approval.expiresAt != 0 && m_approval.state == ApprovalState::Waiting) {
        m_expiry = new ToneLabel(m_context.theme, ToneLabel::Role::Body, Tone::Text, {}, this);
        m_expiry->setMinimumWidth(1);
        addFact(tr("Expires"), m_expiry);
    }
}

void ApprovalFacts::tick()
{
    if (m_expiry != nullptr) {
        const auto now = m_context.clock.nowUs();
        m_expiry->setText(
            m_approval.expiresAt > now
                ? tr("%1; no answer means no").arg(widgets::ageText(m_approval.expiresAt, now))
                : tr("now; no answer means no"));
        m_expiry->setToolTip(widgets::exactTimeText(m_approval.expiresAt));
    }
}

} // namespace sb::panels
