<?php

// app/Populer/TellPopuler.php: the job that describes an article as it is when the job runs, or takes it down. What fails is
// tried again by the queue for a day; without a queue (`sync`) it is reported, and `php artisan populer:sync` mends it.

namespace App\Populer;

use Illuminate\Bus\Queueable;
use Illuminate\Contracts\Queue\ShouldQueue;
use Illuminate\Queue\InteractsWithQueue;
use Illuminate\Queue\Jobs\SyncJob;
use Throwable;

class TellPopuler implements ShouldQueue
{
    use InteractsWithQueue;
    use Queueable;

    public int $tries = 12;

    public function __construct(
        public string $model,
        public int|string $key,
        public string $id,
        public bool $anew,
        public ?string $formerUrl,
    ) {
        $this->afterCommit = true;
    }

    /** Seconds before each further try. */
    public function backoff(): array
    {
        return [10, 60, 300, 900, 1800, 3600, 7200, 10800, 14400, 18000, 21600];
    }

    public function handle(Catalogue $catalogue): void
    {
        try {
            $this->tell($catalogue);
        } catch (Throwable $error) {
            if ($this->job !== null && !$this->job instanceof SyncJob) {
                throw $error;
            }
            report($error);  // who saves is waiting for this very job, and must not fail by it
        }
    }

    private function tell(Catalogue $catalogue): void
    {
        $article = (new $this->model())->newQueryWithoutScopes()->find($this->key);
        $item = $article?->listedPopulerItem();
        if ($item === null) {
            $catalogue->takeDown($this->id);
            return;
        }
        if ($this->anew) {
            $catalogue->publish($item);
        } else {
            $catalogue->describe([$item]);
        }
        if ($this->formerUrl !== null) {
            $catalogue->alias($this->id, [$this->formerUrl]);
        }
    }
}
