<?php

// app/View/Components/PopulerList.php: <x-populer-list list="populer" :item="$article->id" theme="thumbs" />

namespace App\View\Components;

use Illuminate\Contracts\View\View;
use Illuminate\Support\Facades\Cache;
use Illuminate\Support\Facades\Http;
use Illuminate\View\Component;
use Throwable;

class PopulerList extends Component
{
    private const PATIENCE_S = 1;
    private const FRESH_S = 30;
    private const KEPT_S = 86400;

    public function __construct(
        public string $list = 'populer',
        public int $limit = 7,
        public string $section = '',
        public string $item = '',
        public string $theme = '',
        public string $heading = '',
        public bool $live = false,
    ) {
    }

    public function render(): View
    {
        return view('components.populer-list', ['site' => $this->site(), 'fragment' => $this->fragment()]);
    }

    /** The list as the service renders it; while it is away the last one of a day; else nothing. */
    private function fragment(): string
    {
        $address = rtrim((string) config('services.populer.url'), '/') . '/v1/lists/' . rawurlencode($this->list);
        $query = array_filter([
            'format' => 'html',
            'limit' => (string) $this->limit,
            'section' => $this->section,
            'exclude' => $this->item,
            'site' => $this->site(),
        ], static fn (string $value): bool => $value !== '');
        $key = 'populer:' . hash('sha256', $address . '?' . http_build_query($query));
        $fresh = Cache::get($key);
        if (is_string($fresh)) {
            return $fresh;
        }
        if (!Cache::has('populer:away')) {
            try {
                $answer = Http::timeout(self::PATIENCE_S)->get($address, $query);
                if ($answer->status() === 200 && str_starts_with((string) $answer->header('Content-Type'), 'text/html')) {
                    Cache::put($key, $answer->body(), self::FRESH_S);
                    Cache::put($key . ':last', $answer->body(), self::KEPT_S);
                    return $answer->body();
                }
            } catch (Throwable) {
                // It is away: a list is no reason for a page to fail.
            }
            Cache::put('populer:away', true, self::FRESH_S);  // the next pages need not wait for it
        }
        return (string) Cache::get($key . ':last', '');
    }

    private function site(): string
    {
        return (string) config('services.populer.site');
    }
}
