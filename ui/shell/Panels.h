#pragma once
#include "ui/panels/Panel.h"

#include <functional>
#include <vector>

namespace sb::shell {

/// A panel of the window and where it stands in the default layout.
struct PanelEntry
{
    enum class Place { Left, Middle, Right, RightBelow, Bottom };
    Place place;
    std::function<panels::Panel*(const panels::Context&)> make;
};

/// All panels, in the order of Ctrl+1 … Ctrl+9.
std::vector<PanelEntry> standardPanels();

} // namespace sb::shell
