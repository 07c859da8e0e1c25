#include "core/memory/HashedEmbedder.h"

#include "core/memory/Words.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

namespace sb::memory {

namespace {

// How much the kinds of features count. A word's pieces together count about as much as the word.
constexpr float ofWord = 1.0F;
constexpr float ofPieces = 1.1F;
constexpr float ofSign = 1.5F;
constexpr float ofPair = 0.4F;
constexpr float ofCommonWord = 0.1F;
constexpr float ofCharacter = 0.5F;
constexpr float ofCharacterPair = 1.0F;

struct Feature
{
    quint64 hash;
    float weight;
};

// Kinds of features are told apart by the seed, so that the word "abc" and the piece "abc" are two.
enum Seed : quint64 { SeedWord = 1, SeedPiece = 2, SeedPair = 3, SeedRun = 4 };

quint64 hashOf(std::u32string_view text, quint64 seed)
{
    return digestOf(text.data(), text.size() * sizeof(char32_t), seed);
}

void addPieces(const std::u32string& word, std::vector<Feature>& features)
{
    const std::u32string bordered = U'<' + word + U'>';
    const size_t first = features.size();
    for (size_t length = 3; length <= 5; ++length) {
        for (size_t at = 0; at + length <= bordered.size(); ++at) {
            features.push_back(
                {hashOf(std::u32string_view(bordered).substr(at, length), SeedPiece), 0});
        }
    }
    const float each = ofPieces / std::sqrt(float(std::max<size_t>(1, features.size() - first)));
    for (size_t i = first; i < features.size(); ++i) {
        features[i].weight = each;
    }
}

void addRun(std::u32string_view run, std::vector<Feature>& features)
{
    for (size_t at = 0; at < run.size(); ++at) {
        features.push_back({hashOf(run.substr(at, 1), SeedRun), ofCharacter});
        if (at + 1 < run.size()) {
            features.push_back({hashOf(run.substr(at, 2), SeedRun), ofCharacterPair});
        }
    }
}

std::vector<Feature> featuresOf(QStringView text)
{
    std::vector<Feature> features;
    features.reserve(size_t(text.size()) * 4);
    quint64 before = 0; // the hash of the word that stands before, of those that tell something
    for (const Word& word : wordsOf(text)) {
        if (word.kind == Word::Kind::Run) {
            addRun(word.text, features);
            before = 0;
            continue;
        }
        if (isCommon(word.text)) {
            features.push_back({hashOf(word.text, SeedWord), ofCommonWord});
            continue;
        }
        const bool isSign = word.kind == Word::Kind::Symbol;
        const quint64 hash = hashOf(isSign ? word.text : stemOf(word.text), SeedWord);
        features.push_back({hash, isSign ? ofSign : ofWord});
        if (!isSign) {
            addPieces(word.text, features);
        }
        if (before != 0) {
            const std::array both{before, hash};
            features.push_back({digestOf(both.data(), sizeof both, SeedPair), ofPair});
        }
        before = hash;
    }
    return features;
}

} // namespace

std::vector<float> HashedEmbedder::vectorOf(QStringView text)
{
    std::vector<Feature> features = featuresOf(text);
    std::ranges::sort(features, {}, &Feature::hash);
    std::vector<float> vector(dimension);
    for (size_t i = 0; i < features.size();) {
        size_t same = i;
        float weight = 0;
        for (; same < features.size() && features[same].hash == features[i].hash; ++same) {
            weight = std::max(weight, features[same].weight);
        }
        // What comes ten times does not count ten times.
        weight *= 1 + std::log(float(same - i));
        // Two places a feature: two features that meet in one place seldom meet in both.
        const quint64 hash = features[i].hash;
        const auto place = [](quint64 half) { return size_t((half * dimension) >> 32); };
        vector[place(hash & 0xffffffff)] += (std::popcount(hash) & 1) != 0 ? weight : -weight;
        vector[place(hash >> 32)] +=
            (std::popcount(hash & 0xffff0000ffff) & 1) != 0 ? weight : -weight;
        i = same;
    }
    double sum = 0;
    for (const float x : vector) {
        sum += double(x) * double(x);
    }
    if (sum > 0) {
        const auto scale = float(1 / std::sqrt(sum));
        for (float& x : vector) {
            x *= scale;
        }
    }
    return vector;
}

Future<std::vector<std::vector<float>>> HashedEmbedder::embed(QStringList texts)
{
    std::vector<std::vector<float>> vectors;
    vectors.reserve(size_t(texts.size()));
    for (const QString& text : texts) {
        vectors.push_back(vectorOf(text));
    }
    return Future<std::vector<std::vector<float>>>::ready(std::move(vectors));
}

} // namespace sb::memory
