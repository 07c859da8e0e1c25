#pragma once
#include "core/base/Clock.h"

#include <QString>

/// How numbers and times are written for people; through the locale, and translatable.
namespace sb::widgets {

/// "< 0.1 s", "0.3 s", "1.2 s", "59 s", "3 min 04 s", "2 h 05 min", "3 d 4 h".
QString durationText(qint64 microseconds);
/// "now", "40 s ago", "5 min ago", "3 h ago", "yesterday", "12 Nov", "12 Nov 2025"; "in 5 min" for
/// the future.
QString ageText(TimeUs time, TimeUs now);
/// The exact local time with seconds and zone, for tooltips.
QString exactTimeText(TimeUs time);
/// "14:03" today, "yesterday 14:03", "12 Nov 14:03".
QString clockText(TimeUs time, TimeUs now);
/// "512 B", "3.4 KiB", "1.2 MiB".
QString sizeText(qint64 bytes);
/// "$0.42"; below a cent "< $0.01"; nothing spent "$0.00".
QString moneyText(qint64 microUsd);
/// "1,204" in the locale's way.
QString countText(qint64 count);

/// Control, bidirectional, zero-width and other invisible characters become ⟨U+202E⟩, and letters
/// that only look like Latin inside a Latin word get the same mark behind them. Newlines and tabs
/// stay.
QString visibleText(const QString& text);
/// Whether visibleText would change it.
bool hasHiddenCharacters(const QString& text);

/// The first line, without the white space around it; the rest of a long one is cut at `maximum`
/// characters.
QString firstLine(const QString& text, int maximum = 300);

} // namespace sb::widgets
