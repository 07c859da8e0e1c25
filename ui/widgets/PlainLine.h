#pragma once
#include <QString>

namespace sb::widgets {

/// The first line of Markdown that says something, as plain text for a place with one line only:
/// without the marks of headings, lists, quotes, emphasis, code and links. Words stay as they are;
/// marks that close nowhere are words. A long line is cut at `maximum` characters.
QString plainLine(const QString& markdown, int maximum = 300);

} // namespace sb::widgets
