{{-- resources/views/components/populer-script.blade.php: <x-populer-script :item="$article->id" />, without one no article --}}
<script async src="{{ rtrim((string) config('services.populer.url'), '/') }}/populer.js" data-item="{{ $item ?? '' }}" data-site="{{ config('services.populer.site') }}"></script>
