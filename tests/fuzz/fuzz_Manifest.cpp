#include "core/packages/Manifest.h"
#include "core/packages/Signature.h"
#include "tests/fuzz/Fuzz.h"

using namespace sb::packages;

// The files that say what a package is and who made it; read before anything is verified.
void fuzz(QByteArrayView data)
{
    const QByteArray yaml = data.toByteArray();
    for (const Stage stage : {Stage::Draft, Stage::Final}) {
        const auto manifest = parseManifest(yaml, stage);
        if (!manifest) {
            FUZZ_CHECK(!manifest.error().message.isEmpty());
            continue;
        }
        FUZZ_CHECK(nameProblem(manifest->name).isEmpty());
        for (const FileEntry& file : manifest->files) {
            FUZZ_CHECK(!file.path.startsWith(u'/') && !file.path.contains(u".."));
            FUZZ_CHECK(file.sha256.size() == 32);
        }
        // What the signing tool writes says the same but for its files.
        const auto text = withFiles(yaml, manifest->files);
        if (text) {
            const auto again = parseManifest(*text, stage);
            FUZZ_CHECK(!again || *again == *manifest);
        }
    }
    if (const auto signature = parseSignature(yaml)) {
        FUZZ_CHECK(parseSignature(writeSignature(*signature)) == signature);
    }
    if (const auto revocation = parseRevocation(yaml)) {
        FUZZ_CHECK(!isGenuine(*revocation) ||
                   isGenuine(parseRevocation(writeRevocation(*revocation)).value()));
    }
}
