#include "core/leaks/Anchors.h"

#include <QLibrary>
#include <QtEndian>
#include <array>
#include <atomic>
#include <cstring>
#include <hs/hs_compile.h>
#include <hs/hs_runtime.h>

namespace sb::leaks {

using namespace Qt::StringLiterals;

namespace {

constexpr size_t filterBits = 15;
constexpr size_t filterSize = size_t(1) << filterBits;
constexpr qsizetype longestAnchor = 32;
// Below, the filter is as quick. Loading takes longer than looking through a megabyte, and must not
// fall into the program's start: only what is large brings it in.
constexpr qsizetype worthVectorscan = 128;
constexpr qsizetype worthLoading = 16 << 10;

inline quint32 mix(quint32 three)
{
    return (three * 0x9E37'79B1U) >> (32 - filterBits);
}

inline quint32 threeAt(const uchar* text)
{
    return quint32(text[0]) | quint32(text[1]) << 8 | quint32(text[2]) << 16;
}

/// One bit for the first three characters of every anchor, and the patterns by these.
struct Filter
{
    std::array<quint8, filterSize / 8> bits{};
    std::array<std::vector<const Pattern*>, 512> byThree;
    std::array<std::vector<const Pattern*>, 256> byFirst; ///< of the first in small letters

    Filter()
    {
        for (const Pattern& pattern : patterns()) {
            const auto* anchor = reinterpret_cast<const uchar*>(pattern.anchor);
            byFirst[anchor[0] | 0x20U].push_back(&pattern);
            // A name's anchor is in small letters, and stands for capitals as well.
            const unsigned cases = pattern.rule == Pattern::Rule::Assignment ? 8 : 1;
            for (unsigned capitals = 0; capitals < cases; ++capitals) {
                std::array<uchar, 3> three{};
                for (unsigned i = 0; i < 3; ++i) {
                    const bool turns = ((capitals >> i) & 1) != 0 && anchor[i] >= 'a';
                    three[i] = turns ? uchar(anchor[i] - 0x20) : anchor[i];
                }
                const quint32 at = mix(threeAt(three.data()));
                bits[at / 8] = quint8(bits[at / 8] | 1U << (at % 8));
                auto& bucket = byThree[at % byThree.size()];
                if (!std::ranges::contains(bucket, &pattern)) {
                    bucket.push_back(&pattern);
                }
            }
        }
    }

    [[nodiscard]] const std::vector<const Pattern*>& of(quint32 at) const
    {
        return byThree[at % byThree.size()];
    }
};

// Constant data, made at the first use.
const Filter& filter()
{
    static const Filter made;
    return made;
}

void findWithFilter(QByteArrayView text, std::vector<Anchor>& found)
{
    const Filter& f = filter();
    const auto* bytes = reinterpret_cast<const uchar*>(text.data());
    const auto look = [&](qsizetype i, quint32 three) {
        const quint32 at = mix(three);
        if (((f.bits[at / 8] >> (at % 8)) & 1) == 0) [[likely]] {
            return;
        }
        for (const Pattern* pattern : f.of(at)) {
            if (anchorAt(*pattern, text, i)) {
                found.push_back({i, pattern});
            }
        }
    };
    qsizetype i = 0;
    for (; i + 4 <= text.size(); ++i) {
        quint32 four = 0; // one load is quicker than three
        std::memcpy(&four, bytes + i, sizeof four);
        look(i, qFromLittleEndian(four) & 0x00FF'FFFFU);
    }
    if (i + 3 <= text.size()) {
        look(i, threeAt(bytes + i));
    }
}

/// The library, loaded on first use so that no start pays for it, and optional.
class Vectorscan
{
public:
    Vectorscan()
    {
        m_library.setFileNameAndVersion(u"hs"_s, 5);
        if (!m_library.load()) {
            return;
        }
        const auto compile = reinterpret_cast<decltype(&hs_compile_lit_multi)>(
            m_library.resolve("hs_compile_lit_multi"));
        const auto freeError = reinterpret_cast<decltype(&hs_free_compile_error)>(
            m_library.resolve("hs_free_compile_error"));
        m_scan = reinterpret_cast<decltype(&hs_scan)>(m_library.resolve("hs_scan"));
        m_allocate =
            reinterpret_cast<decltype(&hs_alloc_scratch)>(m_library.resolve("hs_alloc_scratch"));
        m_release =
            reinterpret_cast<decltype(&hs_free_scratch)>(m_library.resolve("hs_free_scratch"));
        if (compile == nullptr || freeError == nullptr || m_scan == nullptr ||
            m_allocate == nullptr || m_release == nullptr) {
            return;
        }
        std::vector<const char*> literals;
        std::vector<unsigned> flags;
        std::vector<unsigned> ids;
        std::vector<size_t> sizes;
        for (const Pattern& pattern : patterns()) {
            literals.push_back(pattern.anchor);
            sizes.push_back(std::strlen(pattern.anchor));
            ids.push_back(unsigned(ids.size()));
            flags.push_back(pattern.rule == Pattern::Rule::Assignment ? HS_FLAG_CASELESS : 0);
        }
        hs_compile_error_t* error = nullptr;
        if (compile(literals.data(),
                    flags.data(),
                    ids.data(),
                    sizes.data(),
                    unsigned(ids.size()),
                    HS_MODE_BLOCK,
                    nullptr,
                    &m_database,
                    &error) != HS_SUCCESS) {
            m_database = nullptr; // a processor that it does not know
            freeError(error);
        }
    }

    [[nodiscard]] bool isUsable() const { return m_database != nullptr; }

    bool find(QByteArrayView text, std::vector<Anchor>& found) const
    {
        // Each thread needs a workspace of its own.
        struct Scratch
        {
            hs_scratch_t* space = nullptr;
            decltype(&hs_free_scratch) release = nullptr;
            ~Scratch()
            {
                if (space != nullptr) {
                    release(space);
                }
            }
        };
        static thread_local Scratch scratch;
        if (scratch.space == nullptr) {
            if (m_allocate(m_database, &scratch.space) != HS_SUCCESS) {
                return false;
            }
            scratch.release = m_release;
        }
        const auto before = found.size();
        const auto hit =
            [](unsigned id, unsigned long long, unsigned long long to, unsigned, void* context) {
                const Pattern& pattern = patterns()[id];
                static_cast<std::vector<Anchor>*>(context)->push_back(
                    {qsizetype(to) - qsizetype(std::strlen(pattern.anchor)), &pattern});
                return 0;
            };
        if (m_scan(m_database, text.data(), unsigned(text.size()), 0, scratch.space, hit, &found) !=
            HS_SUCCESS) {
            found.resize(before);
            return false;
        }
        // It tells them by their ends; of two at one place the table's order decides.
        std::ranges::sort(found, [](const Anchor& a, const Anchor& b) {
            return a.at != b.at ? a.at < b.at : a.pattern < b.pattern;
        });
        return true;
    }

private:
    QLibrary m_library; // never unloaded: workspaces of threads outlive everything else
    hs_database_t* m_database = nullptr;
    decltype(&hs_scan) m_scan = nullptr;
    decltype(&hs_alloc_scratch) m_allocate = nullptr;
    decltype(&hs_free_scratch) m_release = nullptr;
};

// The compiled table is constant data as well. It is left to the end of the program.
std::atomic<const Vectorscan*> loaded = nullptr;

const Vectorscan& vectorscan()
{
    static const Vectorscan* const made = new Vectorscan;
    loaded.store(made, std::memory_order_release);
    return *made;
}

} // namespace

void findAnchors(QByteArrayView text, std::vector<Anchor>& found, Engine engine)
{
    const Vectorscan* quick = nullptr;
    if (engine == Engine::Automatic && text.size() >= worthVectorscan) {
        quick = loaded.load(std::memory_order_acquire);
    }
    if (!quick && (engine == Engine::Vectorscan ||
                   (engine == Engine::Automatic && text.size() >= worthLoading))) {
        quick = &vectorscan();
    }
    if (!quick || !quick->isUsable() || !quick->find(text, found)) {
        findWithFilter(text, found);
    }
}

qsizetype anchorCutOff(QByteArrayView text)
{
    const Filter& f = filter();
    for (qsizetype i = std::max<qsizetype>(0, text.size() - longestAnchor); i < text.size(); ++i) {
        const QByteArrayView rest = text.sliced(i);
        for (const Pattern* pattern : f.byFirst[uchar(rest.front()) | 0x20U]) {
            const bool caseless = pattern->rule == Pattern::Rule::Assignment;
            const QByteArrayView anchor(pattern->anchor);
            if (rest.size() < anchor.size() &&
                rest.compare(anchor.first(rest.size()),
                             caseless ? Qt::CaseInsensitive : Qt::CaseSensitive) == 0) {
                return i;
            }
        }
    }
    return text.size();
}

bool hasVectorscan()
{
    return vectorscan().isUsable();
}

} // namespace sb::leaks
