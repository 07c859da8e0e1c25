#include "ui/shell/Panels.h"

#include "ui/panels/approvals/ApprovalsPanel.h"
#include "ui/panels/channels/ChannelsPanel.h"
#include "ui/panels/containment/ContainmentPanel.h"
#include "ui/panels/conversation/ConversationPanel.h"
#include "ui/panels/journal/JournalPanel.h"
#include "ui/panels/memory/MemoryPanel.h"
#include "ui/panels/workers/WorkersPanel.h"

namespace sb::shell {

namespace {

template <class P>
PanelEntry entry(PanelEntry::Place place)
{
    return {place, [](const panels::Context& context) -> panels::Panel* { return new P(context); }};
}

} // namespace

std::vector<PanelEntry> standardPanels()
{
    using Place = PanelEntry::Place;
    std::vector<PanelEntry> all;
    all.push_back(entry<panels::ChannelsPanel>(Place::Left));
    all.push_back(entry<panels::ConversationPanel>(Place::Middle));
    all.push_back(entry<panels::ApprovalsPanel>(Place::Right));
    all.push_back(entry<panels::WorkersPanel>(Place::RightBelow));
    all.push_back(entry<panels::JournalPanel>(Place::Bottom));
    all.push_back(entry<panels::MemoryPanel>(Place::Bottom));
    all.push_back(entry<panels::ContainmentPanel>(Place::Bottom));
    return all;
}

} // namespace sb::shell
