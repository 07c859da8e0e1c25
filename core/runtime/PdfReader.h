#pragma once
#include "core/memory/Ingest.h"
#include "core/sandbox/Sandbox.h"

namespace sb::runtime {

/// The text of a PDF file, by page: pdftotext reads it inside the sandbox, without a network and
/// with nothing else in sight. Blocks for a minute at most. Errors are half sentences that follow
/// the file's name: Unsupported (no sandbox, no pdftotext), InvalidInput (damaged, locked, too
/// large), Timeout, Cancelled, Io.
Result<memory::PdfText>
readPdf(sandbox::Sandbox& sandbox, const QString& path, const std::stop_token& stop);

} // namespace sb::runtime
