<?php

// app/Populer/Catalogue.php: what the service is told of articles. Its errors are those of Laravel's HTTP client.

namespace App\Populer;

use Illuminate\Http\Client\PendingRequest;
use Illuminate\Http\Client\Response;
use Illuminate\Support\Facades\Http;

class Catalogue
{
    private const PATIENCE_S = 10;
    private const BATCH = 500;

    /**
     * Describe articles; one that was taken down stays down.
     *
     * @return array<string, string> the id of each article that was not stored, or not as it was said, and why
     */
    public function describe(array $items): array
    {
        $refused = [];
        foreach (array_chunk(array_values($items), self::BATCH) as $batch) {
            $answer = $this->request()->put($this->address('/v1/items'), $batch);
            // 422: none of them can be stored, each for a reason of its own.
            $outcomes = $answer->status() === 422 ? $answer->json('invalid', []) : $answer->throw()->json('items', []);
            foreach ($outcomes as $place => $outcome) {
                foreach (isset($outcome['error']) ? [$outcome['error']] : $outcome['ignored'] ?? [] as $why) {
                    $refused[(string) $batch[$outcome['index'] ?? $place]['id']] = $why;
                }
            }
        }
        return $refused;
    }

    /** Describe an article that is published, or published anew: a take-down is over. */
    public function publish(array $item): void
    {
        $this->request()->put($this->address('/v1/items/' . rawurlencode($item['id'])), $item)->throw();
    }

    /** Take an article out of every list. */
    public function takeDown(string $id): void
    {
        $this->request()->delete($this->address('/v1/items/' . rawurlencode($id)))->throw();
    }

    /** Let addresses that an article has had before count for it. */
    public function alias(string $id, array $urls): Response
    {
        return $this->request()->put($this->address('/v1/items/' . rawurlencode($id) . '/aliases'), ['urls' => $urls])->throw();
    }

    private function request(): PendingRequest
    {
        return Http::withToken((string) config('services.populer.key'))->timeout(self::PATIENCE_S)->acceptJson();
    }

    private function address(string $path): string
    {
        $site = (string) config('services.populer.site');
        $query = $site === '' ? '' : '?' . http_build_query(['site' => $site]);
        return rtrim((string) config('services.populer.url'), '/') . $path . $query;
    }
}
