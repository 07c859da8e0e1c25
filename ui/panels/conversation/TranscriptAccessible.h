#pragma once

namespace sb::panels {

/// Lets screen readers walk over the rows of a TranscriptView as over a list. Once, before the
/// first view.
void installTranscriptAccessibility();

} // namespace sb::panels
