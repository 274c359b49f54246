<?php

// app/Populer/DescribesToPopuler.php: in an Eloquent model whose rows are articles, `use DescribesToPopuler;` and say what
// an article is in populerItem(). It is described when it is saved, and taken down when readers can no longer open it.

namespace App\Populer;

use Illuminate\Contracts\Bus\Dispatcher;
use Throwable;

trait DescribesToPopuler
{
    /** What the service is told of the article; null where readers cannot open it. Its id must be text. */
    abstract public function populerItem(): ?array;

    /** The id of the article, as `<x-populer-script>` says it. */
    public function populerId(): string
    {
        return (string) $this->getKey();
    }

    /** What is said of the article; null also where it is in the trash of SoftDeletes. */
    public function listedPopulerItem(): ?array
    {
        $item = method_exists($this, 'trashed') && $this->trashed() ? null : $this->populerItem();
        return $item === null ? null : ['id' => $this->populerId()] + $item;
    }

    protected static function bootDescribesToPopuler(): void
    {
        static::saved(static function (self $article): void {
            $before = $article->getRawOriginal();
            $former = $before ? $article->newInstance([], true)->setRawAttributes($before, true)->listedPopulerItem() : null;
            // A new row may have values that only the database knows.
            $now = ($before ? $article : $article->fresh() ?? $article)->listedPopulerItem();
            if ($former !== null || $now !== null) {
                $isRenamed = isset($former['url'], $now['url']) && $former['url'] !== $now['url'];
                $article->tellPopuler($former === null, $isRenamed ? $former['url'] : null);
            }
        });
        static::deleted(static fn (self $article) => $article->tellPopuler());
    }

    /** Queue what the service has to be told; call it where tags or sections have changed, too. */
    public function tellPopuler(bool $anew = false, ?string $formerUrl = null): void
    {
        if ((string) config('services.populer.key') === '') {
            return;
        }
        try {
            app(Dispatcher::class)->dispatch(new TellPopuler(static::class, $this->getKey(), $this->populerId(), $anew, $formerUrl));
        } catch (Throwable $error) {
            report($error);  // a queue that is away is no reason for what was saved to fail
        }
    }
}
